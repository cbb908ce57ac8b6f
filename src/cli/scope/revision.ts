import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { promisify } from 'node:util'
import { CredctlError } from '../../errors.ts'

const MAX_BYTES = 64 * 1024 * 1024

/** Runs with a directory that holds the scopes of before: one that is given, or a git revision. */
export async function withScopesOf<T>(
  base: string,
  scopes: string,
  run: (directory: string) => Promise<T>,
): Promise<T> {
  const isDirectory = await stat(base).then(
    (found) => found.isDirectory(),
    () => false,
  )
  if (isDirectory) return await run(base)
  const scratch = await mkdtemp(join(tmpdir(), 'credctl-diff-'))
  try {
    // The same name, so that problems read as in the working tree.
    const directory = join(scratch, basename(scopes))
    await mkdir(directory)
    await writeRevision(base, scopes, directory)
    return await run(directory)
  } finally {
    await rm(scratch, { recursive: true, force: true })
  }
}

async function writeRevision(revision: string, scopes: string, directory: string): Promise<void> {
  // `--` and a check of its own: a revision must not be read as an option.
  if (revision.startsWith('-')) throw unknownRevision(revision)
  const listed = await git(revision, 'ls-tree', '-z', '--name-only', `${revision}:./${scopes}`)
  const names = listed.split('\0').filter((name) => /^[^/]+\.ya?ml$/.test(name))
  for (const name of names) {
    const text = await git(revision, 'cat-file', 'blob', `${revision}:./${scopes}/${name}`)
    await writeFile(join(directory, name), text, { flag: 'wx' })
  }
}

async function git(revision: string, ...argv: readonly string[]): Promise<string> {
  try {
    const { stdout } = await promisify(execFile)('git', [...argv], { maxBuffer: MAX_BYTES })
    return stdout
  } catch (cause) {
    throw unknownRevision(revision, cause)
  }
}

function unknownRevision(revision: string, cause?: unknown): CredctlError {
  const message = `${JSON.stringify(revision)} is neither a directory nor a git revision with scopes`
  return new CredctlError('usage', message, {
    hint: 'Give a directory, or a revision such as origin/main; run it inside the repository.',
    cause,
  })
}
