import { canonicalBytes, type Plain } from '../../src/canonical.ts'
import { formatCheckpoint } from '../../src/ledger/checkpoint.ts'
import { Edge } from '../../src/ledger/edge.ts'
import type { Entry } from '../../src/ledger/entry.ts'
import { leafHash } from '../../src/ledger/merkle.ts'
import { createSigner, parseVkey, type Signer } from '../../src/ledger/note.ts'
import type { LogReader } from '../../src/ledger/reader.ts'
import {
  bundlePath,
  bundlesOf,
  encodeBundle,
  TILE_WIDTH,
  tilePath,
  tilesOf,
} from '../../src/ledger/tile.ts'
import { seededKey } from './seeded-key.ts'

export const logSigner = createSigner('broker.example/log', seededKey(1))
export const logKeys = [parseVkey(logSigner.vkey)]

/** A log as a map from path to bytes, which a test may damage as it likes. */
export class FileLog implements LogReader {
  readonly files = new Map<string, Buffer>()

  checkpoint = async () => this.files.get('checkpoint') ?? Buffer.alloc(0)
  tile = async (level: number, index: number, width: number) =>
    this.files.get(tilePath({ level, index, width }))
  entries = async (index: number, width: number) => this.files.get(bundlePath({ index, width }))
}

export function bytesOf(entry: Entry): Buffer {
  return canonicalBytes<Entry>(entry as Entry & Plain<Entry>)
}

/** Writes a correct log of these entries, each an entry or raw bytes. */
export function writeLog(
  entries: readonly (Entry | Buffer)[],
  signer: Signer = logSigner,
): FileLog {
  const log = new FileLog()
  const bodies = entries.map((entry) => (Buffer.isBuffer(entry) ? entry : bytesOf(entry)))
  const edge = new Edge()
  for (const { level, index, hashes } of bodies.flatMap((body) => edge.append(leafHash(body)))) {
    log.files.set(tilePath({ level, index, width: TILE_WIDTH }), hashes)
  }
  for (const id of tilesOf(bodies.length)) {
    if (id.width < TILE_WIDTH) log.files.set(tilePath(id), edge.partial(id.level))
  }
  for (const id of bundlesOf(bodies.length)) {
    const first = id.index * TILE_WIDTH
    log.files.set(bundlePath(id), encodeBundle(bodies.slice(first, first + id.width)))
  }
  const head = { origin: signer.name, size: bodies.length, root: edge.root() }
  log.files.set('checkpoint', Buffer.from(signer.sign(formatCheckpoint(head))))
  return log
}
