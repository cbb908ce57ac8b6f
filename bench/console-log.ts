import type pg from 'pg'
import { canonicalBytes } from '../src/canonical.ts'
import { systemRandom, ulid } from '../src/clock.ts'
import { formatCheckpoint } from '../src/ledger/checkpoint.ts'
import { Edge, type FullTile } from '../src/ledger/edge.ts'
import type { Entry, GrantDecided } from '../src/ledger/entry.ts'
import { leafHash } from '../src/ledger/merkle.ts'
import type { Signer } from '../src/ledger/note.ts'
import { allowed, ended, minted, requested } from '../test/ledger/entries.ts'

/** What is in the log afterwards. */
export interface Filled {
  /** A grant somewhere in the middle. */
  readonly someGrant: string
  readonly size: number
  /** When that grant was given. */
  readonly someTime: Date
}

interface Made {
  readonly decided: GrantDecided
  readonly entries: readonly Entry[]
  readonly ended: string | null
}

const CHUNK = 500
const LIVE = 200
const CREDENTIALS = 4
const TTL_MS = 900_000

/**
 * Puts a season of grants, ten entries each, into a log that a broker is running on, as another
 * replica would: entries, tiles, state and a signed head. The newest two hundred are live.
 */
export async function fillLog(owner: pg.Pool, signer: Signer, grants: number): Promise<Filled> {
  const { rows } = await owner.query<{ leaf: Buffer }>(
    'SELECT leaf FROM credctl_ledger.entries ORDER BY index',
  )
  const edge = new Edge()
  for (const { leaf } of rows) edge.append(leaf)
  const all = Array.from({ length: grants }, (_, number) => makeGrant(number, grants))
  for (let at = 0; at < grants; at += CHUNK) await insert(owner, edge, all.slice(at, at + CHUNK))
  const { size } = edge
  const root = edge.root()
  const checkpoint = signer.sign(formatCheckpoint({ origin: signer.name, size, root }))
  const move = 'UPDATE credctl_ledger.head SET size = $1, root = $2, checkpoint = $3'
  await owner.query(move, [size, root, checkpoint])
  await owner.query('VACUUM ANALYZE credctl_ledger.entries')
  await owner.query('VACUUM ANALYZE credctl_ledger.grants')
  const middle = all[Math.floor(grants / 2)]?.decided
  return { size, someGrant: middle?.grant ?? '', someTime: new Date(middle?.time ?? 0) }
}

/** One every minute, up to now; every thousandth is of a rare scope and caller. */
function makeGrant(number: number, grants: number): Made {
  const live = number >= grants - LIVE
  const back = live ? grants - number : (grants - number) * 60_000
  const given = new Date(Date.now() - back)
  const id = ulid({ now: () => given }, systemRandom)
  const at = (ms: number) => new Date(given.getTime() + ms).toISOString()
  const rare = number % 1000 === 0
  const decided = allowed(id, {
    time: at(0),
    expires: at(live ? 3_600_000 : TTL_MS),
    ...(rare ? { scope: { name: 'rare', digest: RARE } } : {}),
  })
  const credentials = Array.from({ length: CREDENTIALS }, (_, index) => {
    const credential = ulid({ now: () => given }, systemRandom)
    const moment = { time: at(index + 1) }
    return [
      { ...requested(id, 0, credential), ...moment },
      { ...minted(id, 0, credential), ...moment },
    ]
  })
  const end = live ? [] : [{ ...ended(id, 0), time: at(TTL_MS) }]
  return { decided, entries: [decided, ...credentials.flat(), ...end], ended: end[0]?.time ?? null }
}
const RARE = `sha256:${'cd'.repeat(32)}` as const

async function insert(owner: pg.Pool, edge: Edge, made: readonly Made[]): Promise<void> {
  const tiles: FullTile[] = []
  const rows = made.flatMap(({ decided, entries }) => {
    const first = edge.size
    return entries.map((entry, offset) => {
      const body = canonicalBytes(entry)
      const leaf = leafHash(body)
      tiles.push(...edge.append(leaf))
      return { index: first + offset, grant: decided.grant, leaf, body }
    })
  })
  const decidedAt = new Map(rows.toReversed().map(({ index, grant }) => [grant, index]))
  await owner.query(
    'INSERT INTO credctl_ledger.entries (index, grant_id, leaf, body) SELECT * FROM unnest($1::bigint[], $2::text[], $3::bytea[], $4::bytea[])',
    [
      rows.map(({ index }) => index),
      rows.map(({ grant }) => grant),
      rows.map(({ leaf }) => leaf),
      rows.map(({ body }) => body),
    ],
  )
  await owner.query(
    'INSERT INTO credctl_ledger.tiles (level, index, hashes, root) SELECT * FROM unnest($1::smallint[], $2::bigint[], $3::bytea[], $4::bytea[])',
    [
      tiles.map(({ level }) => level),
      tiles.map(({ index }) => index),
      tiles.map(({ hashes }) => hashes),
      tiles.map(({ root }) => root),
    ],
  )
  const states = made.map(({ decided, ended: over }) => ({
    ...{ id: decided.grant, decided: decidedAt.get(decided.grant), scope: decided.scope.name },
    ...{ environment: decided.environment.name, issued: decided.time, expires: decided.expires },
    ...{ class: decided.caller.class, issuer: decided.caller.issuer },
    ...{ subject: decided.caller.subject, ended: over, cause: over === null ? null : 'expired' },
  }))
  await owner.query(
    'INSERT INTO credctl_ledger.grants SELECT * FROM json_populate_recordset(NULL::credctl_ledger.grants, $1)',
    [JSON.stringify(states)],
  )
}
