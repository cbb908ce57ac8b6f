import type pg from 'pg'
import type { Usage } from '../../decision/request.ts'
import { CredctlError } from '../../errors.ts'
import type { Entry } from '../entry.ts'
import { entryProblem } from '../entry-schema.ts'
import type {
  CredentialState,
  CredentialStatus,
  Delivery,
  GrantFilter,
  GrantState,
} from '../ledger.ts'
import { conditions } from './conditions.ts'

/*
 * The tables hold what queries select by. Everything else of a grant or credential is read from the
 * entry that made it, so it is there once and under the log's hash.
 */

interface GrantRow {
  readonly body: Buffer
  readonly ended: Date | null
  readonly cause: string | null
  readonly last_index: string
}

const GRANT = `
SELECT e.body, g.ended, g.cause,
       (SELECT max(l.index) FROM credctl_ledger.entries l WHERE l.grant_id = g.id) AS last_index
  FROM credctl_ledger.grants g JOIN credctl_ledger.entries e ON e.index = g.decided`

interface CredentialRow {
  readonly body: Buffer
  readonly environment: string
  readonly status: CredentialStatus
  readonly expires: Date | null
  readonly minted: Buffer | null
}

/* Only Vault's handles gain something by minting: for the others nothing more is looked for. */
const CREDENTIAL = `
SELECT e.body, g.environment, k.status, k.expires,
       CASE WHEN k.status = 'minted' AND position('"kind":"vault"'::bytea IN e.body) > 0 THEN (
         SELECT m.body FROM credctl_ledger.entries m
          WHERE m.grant_id = k.grant_id AND m.index > k.requested
            AND position(convert_to('"credential":"' || k.id || '"', 'UTF8') IN m.body) > 0
            AND position('"kind":"credential.minted"'::bytea IN m.body) > 0
          ORDER BY m.index LIMIT 1) END AS minted
  FROM credctl_ledger.credentials k
  JOIN credctl_ledger.entries e ON e.index = k.requested
  JOIN credctl_ledger.grants g ON g.id = k.grant_id`

export async function findGrant(pool: pg.Pool, id: string): Promise<GrantState | undefined> {
  const text = `${GRANT} WHERE g.id = $1`
  const { rows } = await pool.query<GrantRow>({ name: 'ledger-grant', text, values: [id] })
  return rows[0] === undefined ? undefined : toGrant(rows[0])
}

export async function listGrants(
  pool: pg.Pool,
  filter: GrantFilter,
  now: Date,
): Promise<readonly GrantState[]> {
  const { where, query } = conditions()
  where((place) => `g.scope = ${place}`, filter.scope)
  where((place) => `g.environment = ${place}`, filter.environment)
  where((place) => `g.class = ${place}`, filter.class)
  where((place) => `g.class = ANY (${place})`, filter.classes)
  where((place) => `g.issuer = ${place}`, filter.owner?.issuer)
  where((place) => `g.subject = ${place}`, filter.owner?.subject)
  where((place) => `g.id < ${place}`, filter.before)
  if (filter.live === true) where((place) => `g.ended IS NULL AND g.expires > ${place}`, now)
  if (filter.live === false) where((place) => `(g.ended IS NOT NULL OR g.expires <= ${place})`, now)
  const { text, values } = query('g.id DESC', filter.limit)
  return (await pool.query<GrantRow>(`${GRANT} ${text}`, values)).rows.map(toGrant)
}

export async function expiredGrants(
  pool: pg.Pool,
  now: Date,
  limit: number,
): Promise<readonly GrantState[]> {
  const text = `${GRANT} WHERE g.ended IS NULL AND g.expires <= $1 ORDER BY g.expires LIMIT $2`
  return (await pool.query<GrantRow>(text, [now, limit])).rows.map(toGrant)
}

export async function credentialsOf(
  pool: pg.Pool,
  grant: string,
): Promise<readonly CredentialState[]> {
  const text = `${CREDENTIAL} WHERE k.grant_id = $1 ORDER BY k.requested`
  const query = { name: 'ledger-credentials', text, values: [grant] }
  return (await pool.query<CredentialRow>(query)).rows.map(toCredential)
}

/** Read from the entries themselves: nothing else asks for them. */
export async function deliveriesOf(pool: pg.Pool, grant: string): Promise<readonly Delivery[]> {
  const text = `SELECT body FROM credctl_ledger.entries WHERE grant_id = $1
    AND position('"kind":"credential.wrapped"'::bytea IN body) > 0 ORDER BY index`
  const { rows } = await pool.query<{ body: Buffer }>(text, [grant])
  return rows.flatMap(({ body }) => {
    const entry = parseEntry(body)
    if (entry.kind !== 'credential.wrapped') return []
    const { credential, target, accessor, expires } = entry
    return [{ credential, target, accessor, expiresAt: new Date(expires) }]
  })
}

export async function unfinishedCredentials(
  pool: pg.Pool,
  limit: number,
): Promise<readonly CredentialState[]> {
  const text = `${CREDENTIAL}
    WHERE k.status = 'requested' OR (k.status = 'minted' AND g.ended IS NOT NULL)
    ORDER BY k.requested LIMIT $1`
  return (await pool.query<CredentialRow>(text, [limit])).rows.map(toCredential)
}

export async function mintedCredentials(pool: pg.Pool): Promise<readonly CredentialState[]> {
  const text = `${CREDENTIAL} WHERE k.status = 'minted' ORDER BY k.requested`
  return (await pool.query<CredentialRow>(text)).rows.map(toCredential)
}

export async function countUsage(
  pool: pg.Pool,
  scope: string,
  environment: string,
  now: Date,
): Promise<Usage> {
  const text = `
    SELECT (SELECT count(*) FROM credctl_ledger.grants WHERE scope = $1 AND environment = $2
              AND ended IS NULL AND expires > $3) AS live,
           (SELECT count(*) FROM credctl_ledger.grants WHERE scope = $1 AND environment = $2
              AND issued > $3::timestamptz - interval '24 hours') AS day`
  const query = { name: 'ledger-usage', text, values: [scope, environment, now] }
  const { rows } = await pool.query<{ live: string; day: string }>(query)
  return { liveGrants: Number(rows[0]?.live), grantsLastDay: Number(rows[0]?.day) }
}

function toGrant({ body, ended, cause, last_index }: GrantRow): GrantState {
  const entry = parseEntry(body)
  const { plan, expires } = entry.kind === 'grant.decided' ? entry : {}
  if (entry.kind !== 'grant.decided' || plan === undefined || expires === undefined) {
    throw unexpected()
  }
  const { scope, environment, parameters, intent, caller } = entry
  if (scope.digest === undefined) throw unexpected()
  return {
    id: entry.grant,
    scope: scope.name,
    scopeDigest: scope.digest,
    environment: environment.name,
    plan,
    parameters,
    intent,
    caller,
    issuedAt: new Date(entry.time),
    expiresAt: new Date(expires),
    breakGlass: entry.break_glass === true,
    approved: entry.previous !== undefined,
    ...(entry.committed === undefined ? {} : { committed: entry.committed }),
    ended: ended === null ? undefined : { at: ended, cause: cause ?? '' },
    lastIndex: Number(last_index),
  }
}

function toCredential({
  body,
  environment,
  status,
  expires,
  minted,
}: CredentialRow): CredentialState {
  const entry = parseEntry(body)
  if (entry.kind !== 'credential.requested') throw unexpected()
  const { credential: id, grant, target, time } = entry
  const outcome = minted === null ? undefined : parseEntry(minted)
  const made = outcome?.kind === 'credential.minted' ? outcome : undefined
  const handle = made?.handle ?? entry.handle
  const named = made === undefined ? {} : { fingerprint: made.fingerprint }
  const dates = { requestedAt: new Date(time), expiresAt: expires ?? undefined }
  return { id, grant, target, environment, handle, ...named, status, ...dates }
}

/** The log is what the broker wrote; anything else in it is not to be acted upon. */
export function parseEntry(body: Buffer): Entry {
  const value: unknown = JSON.parse(body.toString('utf8'))
  if (!isEntry(value)) throw unexpected()
  return value
}

function isEntry(value: unknown): value is Entry {
  return entryProblem(value) === undefined
}

function unexpected(): CredctlError {
  return new CredctlError('ledger_diverged', 'the ledger holds an entry that no broker wrote', {
    hint: 'run credctl log verify',
  })
}
