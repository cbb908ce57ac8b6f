import { readFile, rename, rm, writeFile } from 'node:fs/promises'
import { CredctlError } from '../errors.ts'
import { identify, type ProcessIdentity } from './process.ts'

/** Held by the one broker that may run the server of a directory. */
export interface Lock {
  release(): Promise<void>
}

/**
 * Takes the lock, also from a holder that died without releasing it. Errors: `unavailable` when
 * another living process holds it. PostgreSQL's own interlock on its data directory stands behind
 * this one.
 */
export async function takeLock(path: string): Promise<Lock> {
  const self = await identify(process.pid)
  const text = JSON.stringify(self ?? { pid: process.pid, started: 'unknown' })
  await clearDead(path)
  try {
    await writeFile(path, text, { flag: 'wx', mode: 0o600 })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') throw await heldBy(path)
    throw error
  }
  return { release: () => rm(path, { force: true }) }
}

async function clearDead(path: string): Promise<void> {
  const found = await readFile(path, 'utf8').catch(() => undefined)
  if (found === undefined || (await isAlive(parseHolder(found)))) return
  // Renaming first: of two that found the same dead holder, only one gets its file.
  const aside = `${path}.${process.pid}`
  await rename(path, aside).catch(() => undefined)
  const moved = await readFile(aside, 'utf8').catch(() => found)
  if (moved !== found) return await rename(aside, path)
  await rm(aside, { force: true })
}

async function isAlive(holder: ProcessIdentity | undefined): Promise<boolean> {
  if (holder === undefined) return false
  return (await identify(holder.pid))?.started === holder.started
}

function parseHolder(text: string): ProcessIdentity | undefined {
  const match = /^\{"pid":(\d{1,10}),"started":"([^"\\]{1,64})"\}$/.exec(text)
  return match === null ? undefined : { pid: Number(match[1]), started: match[2] ?? '' }
}

async function heldBy(path: string): Promise<CredctlError> {
  const holder = parseHolder(await readFile(path, 'utf8').catch(() => ''))
  const who = holder === undefined ? 'another process' : `process ${holder.pid}`
  return new CredctlError('unavailable', `${who} already runs the database in this directory`, {
    hint: 'stop it, or use another state directory',
  })
}
