import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtemp, open, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { CredctlError } from '../errors.ts'
import { Secret } from '../secret/secret.ts'
import { type Account, giveTo } from './account.ts'
import type { Binaries } from './binaries.ts'
import type { Home } from './home.ts'

export const SUPERUSER = 'postgres'

/** Passwords only, from this machine only; nothing is trusted and no socket exists. */
const HOST_RULES = 'host all all 127.0.0.1/32 scram-sha-256\n'

/**
 * What the server and initdb inherit: nothing of ours. Their own libraries are found beside them
 * without LD_LIBRARY_PATH (ELF RUNPATH).
 */
export const SERVER_ENVIRONMENT = { LC_ALL: 'C', TZ: 'UTC', PATH: '/usr/bin:/bin' }

/** Gives the superuser's password, making the data directory first when there is none. */
export async function openCluster(
  home: Home,
  binaries: Binaries,
  account: Account | undefined,
  initdbArguments: readonly string[],
): Promise<Secret<string>> {
  const found = await readOptional(join(home.data, 'PG_VERSION'))
  if (found === undefined) return await createCluster(home, binaries, account, initdbArguments)
  if (found.trim() !== binaries.major) {
    const message = `${home.data} was made by PostgreSQL ${found.trim()}, this is ${binaries.major}`
    throw new CredctlError('unavailable', message, { hint: 'upgrade the data with pg_upgrade' })
  }
  const password = await readOptional(home.password)
  if (password !== undefined && password !== '') return new Secret(password)
  throw new CredctlError('unavailable', `${home.password} is missing`, {
    hint: 'restore it: the database accepts no one without it',
  })
}

/**
 * The directory gets its name only when it is complete: after a crash on any line, the next start
 * finds either no cluster or a whole one with its password.
 */
async function createCluster(
  home: Home,
  binaries: Binaries,
  account: Account | undefined,
  extra: readonly string[],
): Promise<Secret<string>> {
  const password = randomBytes(24).toString('base64url')
  const scratch = await mkdtemp(join(home.directory, 'new-'))
  try {
    await giveTo(scratch, account)
    const secretFile = join(scratch, 'password')
    await writeFile(secretFile, password, { flag: 'wx', mode: 0o600 })
    await giveTo(secretFile, account)
    const data = join(scratch, 'data')
    await initdb(binaries, account, [...initdbOptions(data, secretFile), ...extra])
    await writeFile(join(data, 'pg_hba.conf'), HOST_RULES)
    await writeDurably(home.password, password)
    await rename(data, home.data)
  } finally {
    await rm(scratch, { recursive: true, force: true })
  }
  return new Secret(password)
}

function initdbOptions(data: string, passwordFile: string): string[] {
  return [
    `--pgdata=${data}`,
    `--username=${SUPERUSER}`,
    `--pwfile=${passwordFile}`,
    '--auth=scram-sha-256',
    '--encoding=UTF8',
    '--locale=C',
    '--data-checksums',
    '--no-instructions',
  ]
}

async function initdb(
  { initdb }: Binaries,
  account: Account | undefined,
  args: readonly string[],
): Promise<void> {
  const child = spawn(initdb, args, {
    ...account,
    cwd: '/',
    env: SERVER_ENVIRONMENT,
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const output: Buffer[] = []
  child.stderr.on('data', (chunk: Buffer) => output.push(chunk))
  const { promise, resolve, reject } = Promise.withResolvers<number | null>()
  child.once('error', reject)
  child.once('close', resolve)
  const code = await promise
  if (code === 0) return
  throw new CredctlError('unavailable', 'initdb could not make the data directory', {
    cause: new Error(Buffer.concat(output).toString('utf8').slice(0, 4000)),
  })
}

async function writeDurably(path: string, text: string): Promise<void> {
  await rm(path, { force: true })
  const file = await open(path, 'wx', 0o600)
  try {
    await file.writeFile(text)
    await file.sync()
  } finally {
    await file.close()
  }
}

async function readOptional(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}
