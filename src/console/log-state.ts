import { openCheckpoint, type SignedCheckpoint } from '../ledger/checkpoint.ts'
import { verifyConsistency } from '../ledger/merkle.ts'
import { proveConsistency } from '../ledger/proof.ts'
import type { ConsoleParts } from './console.ts'

/** What can be said of the log's soundness from here and now. */
export interface LogState {
  readonly origin: string
  readonly size: number
  /** Base64, as in the checkpoint. */
  readonly root: string
  /** Name of the key whose signature was verified. */
  readonly key: string
  /** Names of others that signed this checkpoint; whose keys they are, verifiers know. */
  readonly witnesses: readonly string[]
  /** What this broker remembers, and whether the log in the database continues it. */
  readonly remembered: { readonly size: number; readonly continued: boolean } | undefined
}

/**
 * Reads the newest checkpoint, verifies its signature and proves that the log continues the one
 * that this broker remembers. Errors: `log_invalid`, `ledger_unavailable`, `unavailable`.
 */
export async function logState(parts: ConsoleParts): Promise<LogState> {
  const { log, logKeys, remembered } = parts
  const newest = openCheckpoint(await log.checkpoint(), logKeys)
  const seen = await remembered.load()
  return {
    origin: newest.origin,
    size: newest.size,
    root: newest.root.toString('base64'),
    key: logKeys[0].name,
    witnesses: newest.note.signatures
      .map(({ name }) => name)
      .filter((name) => name !== newest.origin),
    remembered:
      seen === undefined ? undefined : await compare(parts, openCheckpoint(seen, logKeys), newest),
  }
}

async function compare({ log }: ConsoleParts, seen: SignedCheckpoint, newest: SignedCheckpoint) {
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
