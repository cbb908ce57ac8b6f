import { CredctlError, isCredctlError } from '../../errors.ts'
import { openCheckpoint, type SignedCheckpoint, type TreeHead } from '../checkpoint.ts'
import { verifyConsistency } from '../merkle.ts'
import type { Verifier } from '../note.ts'
import { proveConsistency } from '../proof.ts'
import type { LogReader } from '../reader.ts'
import type { Remembered } from '../remembered.ts'
import { diverged } from './head.ts'

const SAVE_EVERY_MS = 1_000

/**
 * Throws `ledger_diverged` unless the log in the database continues the one that this broker
 * remembers: a restored backup is consistent in itself, and only memory tells that it is older.
 */
export async function checkRemembered(
  remembered: Remembered,
  keys: readonly Verifier[],
  log: LogReader,
  head: TreeHead,
): Promise<void> {
  const text = await remembered.load()
  if (text === undefined) return
  const seen = open(text, keys)
  if (seen.size > head.size) {
    throw forgotten(`it has ${head.size} entries, this broker has seen ${seen.size}`)
  }
  if (seen.size === 0) return
  const proof = await proveConsistency(seen.size, head.size, ({ level, index, width }) =>
    log.tile(level, index, width),
  )
  const roots = { firstRoot: seen.root, secondRoot: head.root }
  if (verifyConsistency({ first: seen.size, second: head.size, ...roots, proof })) return
  throw forgotten(`its first ${seen.size} entries are not those that this broker has seen`)
}

function forgotten(problem: string): CredctlError {
  return new CredctlError('ledger_diverged', `the ledger's database is not this log: ${problem}`, {
    hint: 'if another database is meant to take its place, remove the memory of this log under the state directory',
  })
}

function open(text: string, keys: readonly Verifier[]): SignedCheckpoint {
  try {
    return openCheckpoint(text, keys)
  } catch (error) {
    if (isCredctlError(error)) throw diverged(`the remembered checkpoint: ${error.message}`)
    throw error
  }
}

/** Saves the newest checkpoint again and again; never in the way of a request. */
export function keepRemembering(
  remembered: Remembered,
  newest: () => string,
): { stop(): Promise<void> } {
  let saved = ''
  // A disk that refuses costs the memory, not the service: the log itself is in the database.
  const save = async () => {
    const checkpoint = newest()
    if (checkpoint === saved || checkpoint === '') return
    await remembered.save(checkpoint).then(
      () => {
        saved = checkpoint
      },
      () => undefined,
    )
  }
  const timer = setInterval(save, SAVE_EVERY_MS)
  timer.unref()
  return {
    async stop() {
      clearInterval(timer)
      await save()
    },
  }
}
