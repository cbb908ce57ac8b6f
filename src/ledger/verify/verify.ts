import { isCredctlError } from '../../errors.ts'
import { openCheckpoint, type SignedCheckpoint, type TreeHead } from '../checkpoint.ts'
import { type Cosignature, cosignaturesOf } from '../cosignature.ts'
import type { Verifier } from '../note.ts'
import type { LogReader } from '../reader.ts'
import { type BundleId, bundlePath, bundlesOf, TILE_WIDTH } from '../tile.ts'
import type { Finding } from './finding.ts'
import { type Fact, History } from './history.ts'
import type { Inspection } from './inspect.ts'
import { createInspector, type Inspector } from './inspector.ts'
import { Tree } from './tree.ts'

export interface VerifyOptions {
  /** Keys of the log, present and former. */
  readonly keys: readonly Verifier[]
  /** Heads of this log that were verified before: its past must not have changed. */
  readonly seen?: readonly TreeHead[]
  /** Keys whose cosignatures count as somebody else's memory of the log. */
  readonly witnesses?: readonly Verifier[]
  /** Called after each bundle of 256 entries. */
  readonly onProgress?: (entries: number, size: number) => void
  /** Tells so many findings, the damage to the log first; 100 otherwise. */
  readonly maxFindings?: number
}

export interface Verification {
  readonly ok: boolean
  readonly findings: readonly Finding[]
  /** Absent when there is no checkpoint that can be trusted. */
  readonly checkpoint: SignedCheckpoint | undefined
  readonly cosignatures: readonly Cosignature[]
  /** Entries whose bytes are under the signed root; 0 when they are not. */
  readonly verified: number
}

const MAX_FINDINGS = 100

/**
 * Verifies a whole log with nothing but its public keys: the signature, every entry and tile under
 * the signed root, the heads seen before, and what the entries say together. Needs neither broker
 * nor database. Reads each file once; memory does not grow with the log. Errors are those of the
 * reader; what is wrong with the log is a finding.
 */
export async function verifyLog(reader: LogReader, options: VerifyOptions): Promise<Verification> {
  const head = openHead(await reader.checkpoint(), options)
  if ('finding' in head) {
    const nothing = { checkpoint: undefined, cosignatures: [], verified: 0 }
    return { ok: false, findings: [head.finding], ...nothing }
  }
  const { checkpoint } = head
  const tree = new Tree(checkpoint, options.seen ?? [])
  const all = await scan(reader, tree, checkpoint.size, options)
  const findings = all.slice(0, options.maxFindings ?? MAX_FINDINGS)
  const verified = tree.rootHolds ? checkpoint.size : 0
  return { ok: findings.length === 0, findings, verified, ...head }
}

function openHead(bytes: Uint8Array, { keys, witnesses = [] }: VerifyOptions) {
  try {
    const checkpoint = openCheckpoint(bytes, keys)
    return { checkpoint, cosignatures: cosignaturesOf(checkpoint.note, witnesses) }
  } catch (error) {
    if (!isCredctlError(error, 'log_invalid')) throw error
    const { message } = error
    return { finding: { code: 'checkpoint_invalid', path: 'checkpoint', message } as const }
  }
}

async function scan(
  reader: LogReader,
  tree: Tree,
  size: number,
  { onProgress, maxFindings = MAX_FINDINGS }: VerifyOptions,
): Promise<Finding[]> {
  const history = new History()
  const meaning: Finding[] = []
  const inspector = createInspector(size)
  try {
    for await (const { id, inspection, tile } of inspections(reader, inspector, size)) {
      if (!inspection.ok) {
        // Without it nothing after has a place in the tree.
        const { code, message } = inspection
        return [{ code, message, path: bundlePath(id) }, ...tree.finish(), ...meaning]
      }
      await compare(reader, tree, { id, inspection, tile })
      for (const [at, fact] of inspection.facts.entries()) {
        if (meaning.length >= maxFindings) break
        meaning.push(...check(history, id.index * TILE_WIDTH + at, fact))
      }
      onProgress?.(tree.size, size)
    }
  } finally {
    await inspector.close()
  }
  for (const { hashes, ...id } of tree.partialTiles()) {
    tree.compare(id, hashes, await reader.tile(id.level, id.index, id.width))
  }
  return [...tree.finish(), ...meaning, ...history.finish()]
}

async function compare(
  reader: LogReader,
  tree: Tree,
  { id, inspection, tile }: Sound,
): Promise<void> {
  const leaves = Buffer.from(inspection.leaves)
  tree.compare({ ...id, level: 0 }, leaves, tile)
  for (const { level, index, hashes } of tree.grow(leaves, Buffer.from(inspection.root))) {
    const stored = await reader.tile(level, index, TILE_WIDTH)
    tree.compare({ level, index, width: TILE_WIDTH }, hashes, stored)
  }
}

function check(history: History, index: number, fact: Fact | string): readonly Finding[] {
  if (typeof fact !== 'string') return history.check(index, fact)
  return [{ code: 'entry_invalid', index, message: `entry ${index} is not one: ${fact}` }]
}

type Sound = Inspected & { readonly inspection: { readonly ok: true } }

interface Inspected {
  readonly id: BundleId
  readonly inspection: Inspection
  readonly tile: Uint8Array | undefined
}

/** Every bundle with its tile of level 0, in order; fetched and inspected ahead of their turn. */
async function* inspections(
  reader: LogReader,
  inspector: Inspector,
  size: number,
): AsyncGenerator<Inspected> {
  const queue: Promise<Inspected>[] = []
  for (const id of bundlesOf(size)) {
    queue.push(inspect(reader, inspector, id))
    const next = queue.length < inspector.ahead ? undefined : queue.shift()
    if (next !== undefined) yield await next
  }
  for (const last of queue) yield await last
}

function inspect(reader: LogReader, inspector: Inspector, id: BundleId): Promise<Inspected> {
  const { index, width } = id
  const inspection = reader.entries(index, width).then((bundle) => inspector.inspect(id, bundle))
  const both = Promise.all([inspection, reader.tile(0, index, width)])
  const inspected = both.then(([inspection, tile]) => ({ id, inspection, tile }))
  // A failure is met when its turn comes, not before.
  inspected.catch(() => undefined)
  return inspected
}
