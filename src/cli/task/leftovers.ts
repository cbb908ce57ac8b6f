import { readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { JsonObject } from '../../client/json.ts'
import { readPrivateFile } from '../private-file.ts'
import { DESCRIPTION } from './place.ts'

/** Longer than any grant lives. */
const LONG_AGO_MS = 24 * 60 * 60_000

/**
 * Removes what tasks left behind that nobody could clean up after, because the machine lost power.
 * What works no more is not worth keeping, and not worth a failure either.
 */
export async function removeLeftovers(base: string, now: number): Promise<void> {
  for (const name of await readdir(base)) {
    const directory = join(base, name)
    const isOver = await endOf(directory).then(
      (end) => end < now,
      () => false,
    )
    if (isOver) await rm(directory, { recursive: true, force: true })
  }
}

async function endOf(directory: string): Promise<number> {
  const text = await readPrivateFile(join(directory, DESCRIPTION))
  // One without a description is being made, or never was.
  if (text === undefined) return (await stat(directory)).mtimeMs + LONG_AGO_MS
  return JsonObject.parse(text, 'the description of the task').time('expires_at').getTime()
}
