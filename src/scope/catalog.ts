import { readdir, readFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { type Digest, digestOf, type Json } from '../canonical.ts'
import { type Diagnostic, sortDiagnostics } from '../document/diagnostic.ts'
import { parseSource, type SourceDocument } from '../document/document.ts'
import { DocumentError } from '../document/error.ts'
import { deepFreeze } from '../freeze.ts'
import { holeProblems } from './holes.ts'
import { type Scope, scopeSchema } from './scope.ts'

/** A scope that parsed, with its place on disk and the digest that entries name. */
export interface CatalogScope {
  readonly scope: Scope
  readonly digest: Digest
  readonly document: SourceDocument
}

/** Every scope in force, loaded at start and on an explicit reload, never per request. */
export interface Catalog {
  readonly scopes: ReadonlyMap<string, CatalogScope>
  /** Over the names and digests of all scopes. */
  readonly digest: Digest
}

export type LoadedCatalog =
  | { readonly ok: true; readonly catalog: Catalog }
  | { readonly ok: false; readonly diagnostics: readonly Diagnostic[]; readonly partial: Catalog }

/**
 * Loads every `*.yaml` file of a directory. One bad file refuses the whole catalogue: a broker
 * that works from half of the reviewed files would decide what nobody reviewed.
 */
export async function loadCatalog(directory: string): Promise<LoadedCatalog> {
  const listed = await listFiles(directory)
  return 'message' in listed
    ? { ok: false, diagnostics: [listed], partial: catalogOf([]) }
    : await loadScopes(listed.files)
}

/** The catalogue of a directory, or one error with every problem of every file. */
export async function requireCatalog(directory: string): Promise<Catalog> {
  const loaded = await loadCatalog(directory)
  if (loaded.ok) return loaded.catalog
  throw new DocumentError('scopes_invalid', 'the task scopes are not valid', loaded.diagnostics)
}

/** Loads the named files as one catalogue. */
export async function loadScopes(files: readonly string[]): Promise<LoadedCatalog> {
  const { scopes, diagnostics } = await readScopes(files)
  const catalog = catalogOf(scopes.map(withDigest))
  if (diagnostics.length === 0) return { ok: true, catalog }
  return { ok: false, diagnostics, partial: catalog }
}

/** A scope that parsed and has no digest yet: nobody who only looks for problems needs one. */
export type ReadScope = Pick<CatalogScope, 'scope' | 'document'>

/** Every scope of the named files that can be read, and every problem of all of them. */
export async function readScopes(files: readonly string[]): Promise<{
  readonly scopes: readonly ReadScope[]
  readonly diagnostics: readonly Diagnostic[]
}> {
  const read = await Promise.all(files.map(readScopeFile))
  const scopes = read.flatMap((result) => (result.ok ? [result.value] : []))
  const own = read.flatMap((result) => (result.ok ? [] : result.diagnostics))
  return { scopes, diagnostics: sortDiagnostics([...own, ...duplicates(scopes)]) }
}

/**
 * The scope files in a directory, sorted. A directory that is missing or has none is a problem:
 * "no scopes" is what a wrong path and a failed deployment look like.
 */
export async function listFiles(directory: string): Promise<{ files: string[] } | Diagnostic> {
  const place = { file: directory, line: 1, column: 1 }
  try {
    const names = (await readdir(directory)).filter((name) => /\.ya?ml$/.test(name)).sort()
    if (names.length > 0) return { files: names.map((name) => join(directory, name)) }
    const expected = 'at least one file called after its scope, name.yaml'
    return { ...place, message: 'has no task scopes', expected }
  } catch (error) {
    const message = `cannot read the directory of task scopes (${reasonOf(error)})`
    return { ...place, message, expected: 'a readable directory' }
  }
}

async function readScopeFile(file: string) {
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(await readFile(file))
  } catch (error) {
    const message = `cannot be read (${reasonOf(error)})`
    return failed([{ file, line: 1, column: 1, message, expected: 'a readable UTF-8 file' }])
  }
  return readScope(file, text)
}

/** One scope from its text, in a file of this name. */
export function parseScope(file: string, text: string) {
  const read = readScope(file, text)
  return read.ok ? ({ ok: true, value: withDigest(read.value) } as const) : read
}

function withDigest({ scope, document }: ReadScope): CatalogScope {
  return { scope, digest: scopeDigest(scope), document }
}

function readScope(file: string, text: string) {
  const parsed = parseSource(file, text, scopeSchema)
  if (!parsed.ok) return failed(parsed.diagnostics)
  const { value: scope, document } = parsed
  const problems = [...nameProblems(file, scope), ...holeProblems(scope)]
  if (problems.length > 0) return failed(problems.map((problem) => document.locate(problem)))
  const value: ReadScope = { scope: deepFreeze(scope), document }
  return { ok: true, value } as const
}

/** Over the parsed content: comments and layout may change without a new digest. */
function scopeDigest(scope: Scope): Digest {
  // A parsed scope is plain JSON data; zod's inferred type has optional members in the way.
  return digestOf(JSON.parse(JSON.stringify(scope)) as Json)
}

function failed(diagnostics: readonly Diagnostic[]) {
  return { ok: false, diagnostics } as const
}

/** The file's name is what people search for; two names for one scope hide changes from review. */
function nameProblems(file: string, scope: Scope) {
  const stem = basename(file).replace(/\.ya?ml$/, '')
  if (stem === scope.name) return []
  const message = `scope ${scope.name} stands in a file called ${basename(file)}`
  return [{ path: ['name'], message, expected: `the file to be called ${scope.name}.yaml` }]
}

function duplicates(scopes: readonly ReadScope[]): Diagnostic[] {
  const first = new Map<string, ReadScope>()
  return scopes.flatMap((entry) => {
    const earlier = first.get(entry.scope.name)
    if (earlier === undefined) first.set(entry.scope.name, entry)
    if (earlier === undefined) return []
    const message = `scope ${entry.scope.name} is already declared in ${earlier.document.file}`
    return [entry.document.locate({ path: ['name'], message, expected: 'a name of its own' })]
  })
}

function catalogOf(scopes: readonly CatalogScope[]): Catalog {
  const sorted = [...scopes].sort((a, b) => (a.scope.name < b.scope.name ? -1 : 1))
  const digests = Object.fromEntries(sorted.map(({ scope, digest }) => [scope.name, digest]))
  return {
    scopes: new Map(sorted.map((entry) => [entry.scope.name, entry])),
    digest: digestOf(digests),
  }
}

function reasonOf(error: unknown): string {
  if (error instanceof TypeError) return 'not UTF-8'
  return error instanceof Error && 'code' in error ? String(error.code) : 'unreadable'
}
