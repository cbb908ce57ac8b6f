import { createHash } from 'node:crypto'
import { constants } from 'node:fs'
import { type FileHandle, lstat, mkdir, open, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { CredctlError } from '../../errors.ts'
import { stateDirectory } from '../state-directory.ts'
import type { TokenStore } from './store.ts'

/** Files of mode 0600 in a directory of mode 0700: where there is no keychain. */
export class TokenFile implements TokenStore {
  readonly name = 'file'
  readonly #directory: string

  constructor(env: NodeJS.ProcessEnv) {
    this.#directory = join(stateDirectory(env), 'login')
  }

  async keep(broker: string, token: string): Promise<boolean> {
    await mkdir(this.#directory, { recursive: true, mode: 0o700 })
    requirePrivate(await lstat(this.#directory), this.#directory)
    const scratch = `${this.#place(broker)}.${process.pid}`
    await rm(scratch, { force: true })
    await writeFile(scratch, token, { mode: 0o600, flag: 'wx' })
    await rename(scratch, this.#place(broker))
    return true
  }

  async find(broker: string): Promise<string | undefined> {
    const file = await openOwn(this.#place(broker))
    if (file === undefined) return undefined
    try {
      requirePrivate(await file.stat(), this.#place(broker))
      return await file.readFile('utf8')
    } finally {
      await file.close()
    }
  }

  async forget(broker: string): Promise<void> {
    await rm(this.#place(broker), { force: true })
  }

  #place(broker: string): string {
    return join(this.#directory, createHash('sha256').update(broker).digest('hex'))
  }
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
    hint: 'Remove it, then sign in again: others may have read or replaced the token.',
    cause,
  })
}
