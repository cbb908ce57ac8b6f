import { readFile, rm, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { CredctlError } from '../../errors.ts'
import { ownDirectory } from '../private-file.ts'

const PAUSE_MS = 20
/** Longer than a request to the broker may take. */
const PATIENCE_MS = 45_000

/**
 * Runs one process at a time: calls that come together share what the first one gets. A lock whose
 * process is gone counts for nothing. Error: `unavailable` when the holder does not finish.
 */
export async function exclusively<T>(path: string, run: () => Promise<T>): Promise<T> {
  await ownDirectory(dirname(path))
  const until = Date.now() + PATIENCE_MS
  while (!(await taken(path))) {
    if (await isAbandoned(path)) await rm(path, { force: true })
    else if (Date.now() < until) await setTimeout(PAUSE_MS)
    else throw new CredctlError('unavailable', 'another call holds the lock for too long')
  }
  try {
    return await run()
  } finally {
    await rm(path, { force: true })
  }
}

async function taken(path: string): Promise<boolean> {
  try {
    await writeFile(path, String(process.pid), { mode: 0o600, flag: 'wx' })
    return true
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false
    throw error
  }
}

/** An empty one was just made: its process is about to write its number. */
async function isAbandoned(path: string): Promise<boolean> {
  const text = await readFile(path, 'utf8').catch(() => '')
  return /^[1-9]\d{0,9}$/.test(text) && !isAlive(Number(text))
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}
