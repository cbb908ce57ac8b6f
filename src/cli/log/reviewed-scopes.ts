import { existsSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import type { Digest } from '../../canonical.ts'
import { CredctlError } from '../../errors.ts'
import { type Environment, type Git, gitIn } from '../../publish/git.ts'
import { type CatalogScope, parseScope, requireCatalog } from '../../scope/catalog.ts'

export type ScopesByDigest = ReadonlyMap<Digest, CatalogScope>

/**
 * Every version of the scopes that went through review. `where` is a directory, whose whole history
 * counts when git knows it, or `REVISION:DIRECTORY` of the repository around here. What is only in
 * the working tree was not reviewed. Errors: `unavailable`, `scopes_invalid`, `usage`.
 */
export async function reviewedScopes(
  where: string,
  environment: Environment,
): Promise<ScopesByDigest> {
  const [, revision, directory] = /^([^:]+):(.*)$/s.exec(where) ?? []
  if (revision !== undefined) {
    return await inHistory(gitIn('.', environment), revision, directory || '.')
  }
  if (isInRepository(where)) return await inHistory(gitIn(where, environment), 'HEAD', '.')
  const { scopes } = await requireCatalog(where)
  return byDigest([...scopes.values()])
}

/** Not asked of git: where it cannot answer, what lies there must not pass for reviewed. */
function isInRepository(directory: string): boolean {
  const here = resolve(directory)
  return existsSync(join(here, '.git')) || (dirname(here) !== here && isInRepository(dirname(here)))
}

async function inHistory(git: Git, revision: string, directory: string): Promise<ScopesByDigest> {
  if (revision.startsWith('-')) throw notARevision(revision)
  const refuse = () => {
    throw notARevision(revision)
  }
  const prefix = (await git(['rev-parse', '--show-prefix']).catch(refuse)).toString().trim()
  const log = await git([
    ...['log', '--format=', '--raw', '-z', '--no-abbrev', '--no-renames', '-m', '--full-history'],
    ...['--end-of-options', revision, '--', directory],
  ]).catch(refuse)
  const folder = [prefix.replace(/\/$/, ''), directory].filter(
    (part) => part !== '' && part !== '.',
  )
  const found = blobsIn(log.toString('utf8'), folder.join('/'))
  const contents = await git.objects([...found.keys()])
  const paths = [...found.values()]
  const scopes = contents.flatMap((bytes, at) => scopeIn(paths[at] ?? '', bytes))
  if (scopes.length > 0) return byDigest(scopes)
  throw new CredctlError(
    'scopes_invalid',
    `no revision of ${revision} has a task scope in ${directory}`,
  )
}

/** Of every change: the content that a scope file of the folder got, by its id. */
function blobsIn(log: string, folder: string): ReadonlyMap<string, string> {
  const fields = log.split('\0')
  const blobs = new Map<string, string>()
  for (const [at, field] of fields.entries()) {
    const [, blob] = /^\n?:\d{6} 100\d{3} [0-9a-f]+ ([0-9a-f]{40,64}) [A-Z]\d*$/.exec(field) ?? []
    const path = fields[at + 1] ?? ''
    const parent = path.slice(0, Math.max(0, path.lastIndexOf('/')))
    if (blob !== undefined && parent === folder && /\.ya?ml$/.test(path)) blobs.set(blob, path)
  }
  return blobs
}

/** A revision may hold what never was a scope: no broker would have loaded it. */
function scopeIn(path: string, bytes: Buffer | undefined): CatalogScope[] {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes ?? Buffer.alloc(0))
    const parsed = parseScope(basename(path), text)
    return parsed.ok ? [parsed.value] : []
  } catch {
    return []
  }
}

function byDigest(scopes: readonly CatalogScope[]): ScopesByDigest {
  return new Map(scopes.map((scope) => [scope.digest, scope]))
}

function notARevision(text: string): CredctlError {
  return new CredctlError('usage', `${JSON.stringify(text)} is no revision of this repository`, {
    hint: 'Give a directory of task scopes, or REVISION:DIRECTORY such as main:task-scopes.',
  })
}
