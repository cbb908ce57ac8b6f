import { canonicalBytes } from '../../canonical.ts'
import { compileText } from '../canonical-text.ts'
import type { Entry } from '../entry.ts'
import { entryJsonSchema, entryProblem, meaningProblem } from '../entry-schema.ts'
import { type Fact, factFrom, factOf, LOOKED_AT } from './fact.ts'

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * Reads an entry from its bytes, strictly: UTF-8, canonical JSON (so no duplicate names and one
 * spelling), and the published schema. A string says what is wrong.
 */
export function parseEntryBytes(bytes: Uint8Array): Entry | string {
  try {
    const text = utf8.decode(bytes)
    const value: unknown = JSON.parse(text)
    if (!isCanonical(value, text)) return 'it is not canonical JSON'
    return isEntry(value) ? value : broken(entryProblem(value) ?? '')
  } catch (error) {
    return error instanceof SyntaxError ? 'it is not JSON' : 'it is not UTF-8'
  }
}

const readText = compileText(entryJsonSchema, LOOKED_AT)

/** What the history needs of an entry, read as strictly. A string says what is wrong. */
export function readFact(bytes: Uint8Array): Fact | string {
  const members = readMembers(bytes)
  if (members === undefined) {
    const entry = parseEntryBytes(bytes)
    return typeof entry === 'string' ? entry : factOf(entry)
  }
  const fact = factFrom(members)
  const problem = meaningProblem(fact)
  return problem === undefined ? fact : broken(problem)
}

function readMembers(bytes: Uint8Array) {
  try {
    return readText(utf8.decode(bytes))
  } catch {
    return undefined
  }
}

function broken(problem: string): string {
  return `it breaks the schema at ${problem}`
}

function isEntry(value: unknown): value is Entry {
  return entryProblem(value) === undefined
}

/** Writing what was parsed gives the same text back only if nothing was doubled or respelt. */
function isCanonical(value: unknown, text: string): boolean {
  if (JSON.stringify(value) === text && hasSortedKeys(value) && text.isWellFormed()) return true
  // Names that look like numbers come out in another order: ask the slow way.
  try {
    return canonicalBytes<never>(value as never).toString('utf8') === text
  } catch {
    return false
  }
}

function hasSortedKeys(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return true
  if (Array.isArray(value)) return value.every(hasSortedKeys)
  let last: string | undefined
  for (const [key, inner] of Object.entries(value)) {
    if ((last !== undefined && key <= last) || !hasSortedKeys(inner)) return false
    last = key
  }
  return true
}
