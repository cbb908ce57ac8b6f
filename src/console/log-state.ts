import { openCheckpoint, type SignedCheckpoint } from '../ledger/checkpoint.ts'
import { cosignaturesOf } from '../ledger/cosignature.ts'
import { verifyConsistency } from '../ledger/merkle.ts'
import { proveConsistency } from '../ledger/proof.ts'
import type { LogReader } from '../ledger/reader.ts'
import type { ConsoleParts } from './console.ts'

/** What it takes to look: only readers of the log and public keys. */
export type LogParts = Pick<ConsoleParts, 'logKeys' | 'witnessKeys' | 'remembered'> & {
  readonly log: LogReader
  readonly published: Pick<LogReader, 'checkpoint'>
}

/** What can be said of the log's soundness from here and now. */
export interface LogState {
  readonly origin: string
  readonly size: number
  /** Base64, as in the checkpoint. */
  readonly root: string
  /** Name of the key whose signature was verified. */
  readonly key: string
  /** Undefined when the configuration knows no witnesses. */
  readonly witnessed: Witnessed | undefined
  /** What this broker remembers, and whether the log in the database continues it. */
  readonly remembered: { readonly size: number; readonly continued: boolean } | undefined
}

/** What readers of the log get, with the cosignatures that hold. */
export interface Witnessed {
  readonly size: number
  readonly by: readonly string[]
}

/**
 * Reads the newest checkpoint, verifies its signature and proves that the log continues the one
 * that this broker remembers. Errors: `log_invalid`, `ledger_unavailable`, `unavailable`.
 */
export async function logState(parts: LogParts): Promise<LogState> {
  const { log, logKeys, remembered } = parts
  const newest = openCheckpoint(await log.checkpoint(), logKeys)
  const seen = await remembered.load()
  return {
    origin: newest.origin,
    size: newest.size,
    root: newest.root.toString('base64'),
    key: logKeys[0].name,
    witnessed: parts.witnessKeys.length === 0 ? undefined : await witnessed(parts),
    remembered:
      seen === undefined ? undefined : await compare(parts, openCheckpoint(seen, logKeys), newest),
  }
}

async function witnessed({ published, logKeys, witnessKeys }: LogParts): Promise<Witnessed> {
  const { size, note } = openCheckpoint(await published.checkpoint(), logKeys)
  const by = cosignaturesOf(note, witnessKeys).map(({ witness }) => witness)
  return { size, by: [...new Set(by)] }
}

async function compare({ log }: LogParts, seen: SignedCheckpoint, newest: SignedCheckpoint) {
  const { size } = seen
  if (size > newest.size) return { size, continued: false }
  if (size === 0) return { size, continued: true }
  const proof = await proveConsistency(size, newest.size, ({ level, index, width }) =>
    log.tile(level, index, width),
  )
  const roots = { firstRoot: seen.root, secondRoot: newest.root }
  return {
    size,
    continued: verifyConsistency({ first: size, second: newest.size, ...roots, proof }),
  }
}
