import type pg from 'pg'
import { CredctlError } from '../../errors.ts'
import type { ApprovalStatus } from '../changes.ts'
import type { ApprovalGiven, Entry, GrantDecided } from '../entry.ts'
import type { ApprovalFilter, ApprovalState } from '../ledger.ts'
import { conditions } from './conditions.ts'
import { parseEntry } from './state.ts'

interface ApprovalRow {
  readonly id: string
  readonly status: ApprovalStatus
  readonly last: string
  readonly bodies: readonly Buffer[]
}

/** A chain has few entries: one for the request, one for each person, one for its end. */
const APPROVAL = `
SELECT a.id, a.status, a.last,
       ARRAY(SELECT e.body FROM credctl_ledger.entries e
              WHERE e.grant_id = a.id AND e.index <= a.last ORDER BY e.index) AS bodies
  FROM credctl_ledger.approvals a`

export async function findApproval(pool: pg.Pool, id: string): Promise<ApprovalState | undefined> {
  const text = `${APPROVAL} WHERE a.id = $1`
  const { rows } = await pool.query<ApprovalRow>({ name: 'ledger-approval', text, values: [id] })
  return rows[0] === undefined ? undefined : toApproval(rows[0])
}

export async function listApprovals(
  pool: pg.Pool,
  filter: ApprovalFilter,
): Promise<readonly ApprovalState[]> {
  const { where, query } = conditions()
  const identity = (who: ApprovalFilter['owner']) =>
    who && JSON.stringify([who.issuer, who.subject])
  const same = (place: string) =>
    `(a.issuer = ${place}::json->>0 AND a.subject = ${place}::json->>1)`
  where((place) => `a.status = ANY (${place})`, filter.statuses)
  where((place) => `a.scope = ${place}`, filter.scope)
  where((place) => `a.environment = ${place}`, filter.environment)
  where((place) => `a.groups && ${place}`, filter.groups)
  where(same, identity(filter.owner))
  where((place) => `NOT ${same(place)}`, identity(filter.notOwner))
  where((place) => `a.binding = ${place}`, filter.binding)
  where((place) => `a.expires > ${place}`, filter.endsAfter)
  where((place) => `a.expires <= ${place}`, filter.endsBy)
  where((place) => `a.id < ${place}`, filter.before)
  const { text, values } = query('a.id DESC', filter.limit)
  return (await pool.query<ApprovalRow>(`${APPROVAL} ${text}`, values)).rows.map(toApproval)
}

function toApproval({ id, status, last, bodies }: ApprovalRow): ApprovalState {
  const [asked, ...later] = bodies.map(parseEntry)
  if (!isAsked(asked) || asked.grant !== id) throw unexpected()
  const { scope, environment, parameters, intent, caller, approval, plan, blast_radius } = asked
  if (scope.digest === undefined || plan === undefined) throw unexpected()
  return {
    id,
    status,
    scope: scope.name,
    scopeDigest: scope.digest,
    environment: environment.name,
    plan,
    blastRadius: blast_radius,
    parameters,
    intent,
    breakGlass: asked.break_glass === true,
    caller,
    ...(asked.committed === undefined ? {} : { committed: asked.committed }),
    asked: approval,
    askedAt: new Date(asked.time),
    expiresAt: new Date(approval.expires),
    given: later.filter(isGiven),
    lastIndex: Number(last),
  }
}

type Asked = GrantDecided & Required<Pick<GrantDecided, 'approval'>>

function isAsked(entry: Entry | undefined): entry is Asked {
  return entry?.kind === 'grant.decided' && entry.approval !== undefined
}

function isGiven(entry: Entry): entry is ApprovalGiven {
  return entry.kind === 'approval.given'
}

function unexpected(): CredctlError {
  return new CredctlError('ledger_diverged', 'the ledger holds a request that no broker wrote', {
    hint: 'run credctl log verify',
  })
}
