import { createHash, randomBytes } from 'node:crypto'
import { chmod, mkdir, readdir, readFile, realpath, stat, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { CredctlError } from '../errors.ts'
import { type Account, canReach, giveTo } from './account.ts'

/** Where root keeps what the server's account cannot reach in a private checkout. */
const SYSTEM_DIRECTORY = '/var/lib/credctl'

/** Everything of one embedded server: data, log, lock and the superuser's password. */
export interface Home {
  readonly directory: string
  readonly data: string
  readonly log: string
  readonly lock: string
  readonly password: string
}

/**
 * Makes the directory, private to the server's account. When that account cannot enter the
 * directories above it (a checkout below `/root`), a place below `/var/lib/credctl` stands in for
 * it; a file in the directory says which, so that a new checkout begins anew.
 */
export async function openHome(wanted: string, account: Account | undefined): Promise<Home> {
  const directory = await place(wanted, account)
  await mkdir(directory, { recursive: true, mode: 0o700 })
  await own(directory, account)
  return homeAt(directory)
}

function homeAt(directory: string): Home {
  const below = (name: string) => join(directory, name)
  return {
    directory,
    data: below('data'),
    log: below('server.log'),
    lock: below('lock'),
    password: below('superuser-password'),
  }
}

async function place(wanted: string, account: Account | undefined): Promise<string> {
  const parent = resolve(wanted, '..')
  await mkdir(parent, { recursive: true, mode: 0o755 })
  const directory = join(await realpath(parent), resolve(wanted).slice(parent.length))
  if (account === undefined || (await canReach(directory, account))) return directory
  return join(await openSystemDirectory(), await standIn(directory))
}

async function standIn(directory: string): Promise<string> {
  await mkdir(directory, { recursive: true, mode: 0o700 })
  const file = join(directory, 'location')
  try {
    await writeFile(file, `${randomBytes(8).toString('hex')}\n`, { flag: 'wx', mode: 0o600 })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
  const name = (await readFile(file, 'utf8')).trim()
  if (/^[0-9a-f]{16}$/.test(name)) return name
  throw new CredctlError('unavailable', `${file} is damaged`, {
    hint: `it names a directory below ${SYSTEM_DIRECTORY}`,
  })
}

/** Written by root alone, entered by everyone, whatever our umask is. */
export async function openSystemDirectory(): Promise<string> {
  await mkdir(SYSTEM_DIRECTORY, { recursive: true })
  await chmod(SYSTEM_DIRECTORY, 0o755)
  return SYSTEM_DIRECTORY
}

/** Takes over an empty directory, and nothing that somebody else has put something into. */
async function own(directory: string, account: Account | undefined): Promise<void> {
  const { uid, mode } = await stat(directory)
  const expected = account?.uid ?? process.getuid?.() ?? uid
  if (uid === expected && (mode & 0o077) === 0) return
  if ((await readdir(directory)).length > 0) {
    throw new CredctlError(
      'unavailable',
      `${directory} belongs to another user or is open to all`,
      {
        hint: 'run as the user who started it first, or use another state directory',
      },
    )
  }
  await giveTo(directory, account)
  await chmod(directory, 0o700)
}

export function pathDigest(path: string): string {
  return createHash('sha256').update(path).digest('hex').slice(0, 16)
}
