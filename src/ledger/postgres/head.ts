import { CredctlError, isCredctlError } from '../../errors.ts'
import { openCheckpoint } from '../checkpoint.ts'
import { Edge } from '../edge.ts'
import type { Verifier } from '../note.ts'
import { TILE_WIDTH, tileWidth } from '../tile.ts'
import type { Queryable } from './migrate.ts'

/** The head row: what the newest batch left. */
export interface Head {
  readonly size: number
  readonly root: Buffer
  /** The signed checkpoint; empty for an empty log. */
  readonly checkpoint: string
  /** Counts lost connections; part of the compare-and-swap. */
  readonly fence: string
}

export async function readHead(client: Queryable): Promise<Head> {
  const { rows } = await client.query<Omit<Head, 'size'> & { size: string }>({
    name: 'ledger-head',
    text: 'SELECT size, root, checkpoint, fence FROM credctl_ledger.head',
  })
  const [row] = rows
  if (row === undefined) throw diverged('the head of the log is missing')
  return { ...row, size: Number(row.size) }
}

/** Throws `ledger_diverged` unless the head was signed by this log for exactly this tree. */
export function checkHead(head: Head, root: Buffer, keys: readonly Verifier[]): void {
  if (!head.root.equals(root)) throw diverged('the entries are not those of its signed checkpoint')
  if (head.size === 0) {
    if (head.checkpoint !== '') throw diverged('it has a checkpoint but no entries')
    return
  }
  const signed = open(head, keys)
  if (signed.size !== head.size || !signed.root.equals(head.root)) {
    throw diverged('its signed checkpoint is of another tree')
  }
}

function open(head: Head, keys: readonly Verifier[]) {
  try {
    return openCheckpoint(head.checkpoint, keys)
  } catch (error) {
    if (isCredctlError(error)) throw diverged(error.message)
    throw error
  }
}

export function diverged(problem: string): CredctlError {
  return new CredctlError('ledger_diverged', `the ledger's database is not this log: ${problem}`, {
    hint: 'stop, keep the database as it is, and run credctl log verify',
  })
}

/**
 * The edge of the tree at the head, from what is stored: nothing of it is trusted before
 * `checkHead` compared its root with the signed one.
 */
export async function loadEdge(client: Queryable, size: number): Promise<Edge> {
  const partial: Buffer[][] = []
  for (let level = 0; size >= TILE_WIDTH ** level; level += 1) {
    const width = tileWidth(size, level)
    const first = Math.floor(size / TILE_WIDTH ** level) - width
    partial.push(await tileHashes(client, level, first, width))
  }
  try {
    return Edge.restore(size, partial)
  } catch (cause) {
    if (cause instanceof RangeError) throw diverged(cause.message)
    throw cause
  }
}

/** `count` hashes of a tile level from the `first` on; fewer when the log does not have them. */
export async function tileHashes(
  client: Queryable,
  level: number,
  first: number,
  count: number,
): Promise<Buffer[]> {
  if (count === 0) return []
  const text =
    level === 0
      ? 'SELECT leaf AS hash FROM credctl_ledger.entries WHERE index >= $1 AND index < $2 ORDER BY index'
      : 'SELECT root AS hash FROM credctl_ledger.tiles WHERE level = $3 AND index >= $1 AND index < $2 ORDER BY index'
  const values = [first, first + count, ...(level === 0 ? [] : [level - 1])]
  const name = level === 0 ? 'ledger-leaves' : 'ledger-roots'
  const { rows } = await client.query<{ hash: Buffer }>({ name, text, values })
  return rows.map(({ hash }) => hash)
}

const CHUNK = 8_192

/**
 * Brings an edge that this process knows up to a newer head, leaf by leaf, so that the tree it
 * knew is part of the new one. Throws `ledger_diverged` when the database went back or elsewhere.
 */
export async function catchUp(
  client: Queryable,
  known: Edge,
  head: Head,
  keys: readonly Verifier[],
): Promise<Edge> {
  if (head.size < known.size) {
    throw diverged(`it has ${head.size} entries, ${known.size} were signed`)
  }
  const edge = known.copy()
  while (edge.size < head.size) {
    const count = Math.min(CHUNK, head.size - edge.size)
    const leaves = await tileHashes(client, 0, edge.size, count)
    if (leaves.length !== count) throw diverged(`entries after ${edge.size} are missing`)
    for (const leaf of leaves) edge.append(leaf)
  }
  checkHead(head, edge.root(), keys)
  return edge
}
