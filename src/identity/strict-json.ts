import { CredctlError } from '../errors.ts'

/** Deep enough for every claim set seen in practice; far below what hurts. */
const MAX_DEPTH = 8

/**
 * Parses a JSON object from outside. Two parsers that disagree about a text are how checks are
 * walked around, so whatever parsers disagree about is refused: duplicate member names (RFC 8259
 * section 4 leaves their meaning open), invalid UTF-8, byte order marks, lone surrogates and deep
 * nesting. `what` names the text in the error `token_malformed`, whose message never quotes it.
 */
export function parseStrictObject(bytes: Uint8Array, what: string): Record<string, unknown> {
  const text = decode(bytes)
  const value = text === undefined ? undefined : parse(text)
  if (text === undefined || !isObject(value)) throw malformed(what, 'is not a JSON object in UTF-8')
  const problem = findAmbiguity(text)
  if (problem !== undefined) throw malformed(what, problem)
  return value
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function malformed(what: string, problem: string): CredctlError {
  return new CredctlError('token_malformed', `the ${what} ${problem}`)
}

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function decode(bytes: Uint8Array): string | undefined {
  try {
    return UTF8.decode(bytes)
  } catch {
    return undefined
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/**
 * What parsers may disagree about in a text that `JSON.parse` accepted, so that the grammar needs
 * no second check here; undefined when there is nothing.
 */
export function findAmbiguity(text: string): string | undefined {
  const open: (Set<string> | undefined)[] = []
  let index = 0
  while (index < text.length) {
    const character = text[index]
    if (character === '"') {
      const end = endOfString(text, index)
      const content = contentOf(text.slice(index, end))
      if (!content.isWellFormed()) return 'holds a string that is not valid Unicode'
      if (isName(text, end) && !rememberName(open.at(-1), content)) return 'names a member twice'
      index = end
      continue
    }
    if (character === '{' || character === '[') {
      open.push(character === '{' ? new Set() : undefined)
      if (open.length > MAX_DEPTH) return `is nested deeper than ${MAX_DEPTH} levels`
    }
    if (character === '}' || character === ']') open.pop()
    index += 1
  }
  return undefined
}

/** Most strings hold no escape, and then their text is their content. */
function contentOf(literal: string): string {
  return literal.includes('\\') ? JSON.parse(literal) : literal.slice(1, -1)
}

function endOfString(text: string, start: number): number {
  let index = start + 1
  while (text[index] !== '"') index += text[index] === '\\' ? 2 : 1
  return index + 1
}

/** In valid JSON a string is a member name exactly when a colon follows it. */
function isName(text: string, end: number): boolean {
  let index = end
  while (' \t\n\r'.includes(text[index] ?? 'x')) index += 1
  return text[index] === ':'
}

function rememberName(names: Set<string> | undefined, name: string): boolean {
  if (names === undefined || names.has(name)) return false
  names.add(name)
  return true
}
