import { constants } from 'node:fs'
import { type FileHandle, lstat, mkdir, open, rename, rm, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { CredctlError } from '../errors.ts'

/** What a file of mode 0600 holds; undefined when there is none. Error: `usage` when others may read it. */
export async function readPrivateFile(path: string): Promise<string | undefined> {
  const file = await openOwn(path)
  if (file === undefined) return undefined
  try {
    requirePrivate(await file.stat(), path)
    return await file.readFile('utf8')
  } finally {
    await file.close()
  }
}

/** Replaces a file as a whole, in a directory of mode 0700 that is made when it is not there. */
export async function writePrivateFile(path: string, text: string): Promise<void> {
  await ownDirectory(dirname(path))
  const scratch = `${path}.${process.pid}`
  await rm(scratch, { force: true })
  await writeFile(scratch, text, { mode: 0o600, flag: 'wx' })
  await rename(scratch, path)
}

/** Makes a directory that only this user can enter, if need be. Error: `usage` when others can. */
export async function ownDirectory(path: string): Promise<void> {
  await mkdir(path, { recursive: true, mode: 0o700 })
  requirePrivate(await lstat(path), path)
}

/** Never through a link: it would lead to a file that somebody else chose. */
async function openOwn(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, constants.O_RDONLY | constants.O_NOFOLLOW)
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return undefined
    throw unsafe(path, cause)
  }
}

/** Windows keeps a home directory private by other means, and has no such modes. */
function requirePrivate({ uid, mode }: { uid: number; mode: number }, path: string): void {
  const me = process.getuid?.()
  if (me === undefined || (uid === me && (mode & 0o077) === 0)) return
  throw unsafe(path)
}

function unsafe(path: string, cause?: unknown): CredctlError {
  return new CredctlError('usage', `${path} is not private to you`, {
    hint: 'Remove it, then try again: others may have read or replaced what is in it.',
    cause,
  })
}
