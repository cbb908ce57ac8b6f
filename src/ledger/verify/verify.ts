import { CredctlError, isCredctlError } from '../../errors.ts'
import { openCheckpoint, type SignedCheckpoint, type TreeHead } from '../checkpoint.ts'
import { type Cosignature, cosignaturesOf } from '../cosignature.ts'
import { leafHash } from '../merkle.ts'
import type { Verifier } from '../note.ts'
import type { LogReader } from '../reader.ts'
import { type BundleId, bundlePath, bundlesOf, decodeBundle, TILE_WIDTH } from '../tile.ts'
import type { Finding } from './finding.ts'
import { History } from './history.ts'
import { parseEntryBytes } from './parse.ts'
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
  for await (const { id, bundle, tile } of files(reader, size)) {
    const entries = open(id, bundle)
    // Without it nothing after has a place in the tree.
    if (!Array.isArray(entries)) return [entries, ...tree.finish(), ...meaning]
    const leaves = entries.map(leafHash)
    tree.compare({ ...id, level: 0 }, Buffer.concat(leaves), tile)
    for (const { level, index, hashes } of leaves.flatMap((leaf) => tree.grow(leaf))) {
      const stored = await reader.tile(level, index, TILE_WIDTH)
      tree.compare({ level, index, width: TILE_WIDTH }, hashes, stored)
    }
    for (const [at, bytes] of entries.entries()) {
      if (meaning.length >= maxFindings) break
      meaning.push(...check(history, id.index * TILE_WIDTH + at, bytes))
    }
    onProgress?.(tree.size, size)
  }
  for (const { hashes, ...id } of tree.partialTiles()) {
    tree.compare(id, hashes, await reader.tile(id.level, id.index, id.width))
  }
  return [...tree.finish(), ...meaning, ...history.finish()]
}

function open(id: BundleId, bundle: Uint8Array | undefined): Buffer[] | Finding {
  const path = bundlePath(id)
  if (bundle === undefined) return { code: 'bundle_missing', path, message: `${path} is missing` }
  try {
    return decodeBundle(bundle, id)
  } catch (error) {
    if (!(error instanceof CredctlError)) throw error
    return { code: 'bundle_malformed', path, message: error.message }
  }
}

function check(history: History, index: number, bytes: Buffer): readonly Finding[] {
  const entry = parseEntryBytes(bytes)
  if (typeof entry !== 'string') return history.check(index, entry)
  return [{ code: 'entry_invalid', index, message: `entry ${index} is not one: ${entry}` }]
}

interface Files {
  readonly id: BundleId
  readonly bundle: Uint8Array | undefined
  readonly tile: Uint8Array | undefined
}

/** Fetched ahead of their turn, so that reading and hashing overlap. */
const AHEAD = 16

/** Every bundle with its tile of level 0, in order. */
async function* files(reader: LogReader, size: number): AsyncGenerator<Files> {
  const queue: Promise<Files>[] = []
  for (const id of bundlesOf(size)) {
    queue.push(fetchFiles(reader, id))
    const next = queue.length < AHEAD ? undefined : queue.shift()
    if (next !== undefined) yield await next
  }
  for (const last of queue) yield await last
}

function fetchFiles(reader: LogReader, id: BundleId): Promise<Files> {
  const { index, width } = id
  const both = Promise.all([reader.entries(index, width), reader.tile(0, index, width)])
  const fetched = both.then(([bundle, tile]) => ({ id, bundle, tile }))
  // A failure is met when its turn comes, not before.
  fetched.catch(() => undefined)
  return fetched
}
