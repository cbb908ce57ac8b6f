import type { JsonSchema } from './json-schema.ts'

/*
 * Compiles the published JSON schema of entries to regular expressions of their canonical text. In
 * canonical JSON (RFC 8785) every value has one spelling and names stand in order, so one match
 * shows that a text is canonical and has the shape, without building what it says: a verifier reads
 * millions of entries, and this takes a fifth of the time of parsing, writing again and checking.
 *
 * What matches is right. What does not match need not be wrong: texts with escapes, fractions or
 * large numbers are left to the slow way, which alone refuses. No text takes more than linear time:
 * no string holds a quote, so at every position at most one continuation fits.
 */

/** Texts of the wanted members at the top of an object, by name. */
export type Members = ReadonlyMap<string, string>

/** Reads texts of a union of objects that differ in their member `kind`. */
export type TextReader = (text: string) => Members | undefined

/** Throws on a rule it does not know: none may go unchecked. */
export function compileText(schema: JsonSchema, wanted: readonly string[]): TextReader {
  const byKind = new Map(
    (schema.oneOf ?? []).map((option) => [
      String(option.properties?.['kind']?.const),
      compileObject(option, schema, wanted),
    ]),
  )
  return (text) => {
    // An inner object may have a kind of its own: the first that fits the whole text is it.
    for (let at = text.indexOf(KIND); at !== -1; at = text.indexOf(KIND, at + 1)) {
      const start = at + KIND.length
      const members = byKind.get(text.slice(start, text.indexOf('"', start)))?.(text)
      if (members !== undefined) return members
    }
    return undefined
  }
}

const KIND = ',"kind":"'

function compileObject(
  schema: JsonSchema,
  root: JsonSchema,
  wanted: readonly string[],
): TextReader {
  const grammar = new Grammar(root, wanted)
  const expression = new RegExp(`^${grammar.object(schema, true)}$`)
  const { captures } = grammar
  // The same callers come again and again: what was in order is not looked at twice in a row.
  const inOrder = new Array<string | undefined>(captures.length)
  return (text) => {
    const match = expression.exec(text)
    if (match === null) return undefined
    const members = new Map<string, string>()
    for (let at = 0; at < captures.length; at += 1) {
      const name = captures[at]
      const captured = match[at + 1]
      if (captured === undefined) continue
      if (name !== undefined) members.set(name, captured)
      else if (captured !== inOrder[at]) {
        if (!isInOrder(captured)) return undefined
        inOrder[at] = captured
      }
    }
    return members
  }
}

/** What JSON writes as it is. A name at most ends where control characters begin once more. */
const PLAIN = '[^"\\\\\\u0000-\\u001f]'
const PRINTABLE = '[^"\\\\\\u0000-\\u001f\\u007f-\\u009f]'
/** Patterns that match neither a quote nor a backslash, whatever the text. */
const HARMLESS =
  /^\^(?:[A-Za-z0-9:_-]|\\d|\(\?:|\\\.|\[(?:[0-9]-[0-9]|[a-z]-[a-z]|[A-Z]-[A-Z]|[A-Za-z0-9])+\]|[(){}|,])*\$$/
const NOTHING = '(?!)'
/** What of JSON Schema is read below. */
const RULES: readonly string[] = [
  ...['type', 'const', 'enum', 'pattern', 'minLength', 'maxLength', 'minimum', 'maximum'],
  ...[
    'items',
    'minItems',
    'maxItems',
    'properties',
    'required',
    'additionalProperties',
    'propertyNames',
  ],
]
/** An actor may act through another one, and so on: so deep without the slow way. */
const MAX_DEPTH = 3
/** So many digits are exact, and written as they are. */
const DIGITS = '[1-9]\\d{0,14}'

class Grammar {
  readonly #root: JsonSchema
  readonly #wanted: readonly string[]
  /** What each group captures: a wanted member, or (undefined) a record whose order is to be seen. */
  readonly captures: (string | undefined)[] = []

  constructor(root: JsonSchema, wanted: readonly string[]) {
    this.#root = root
    this.#wanted = wanted
  }

  object(schema: JsonSchema, top = false, depth = 0): string {
    const { properties = {}, required = [] } = schema
    if (schema.additionalProperties !== false) throw new Error('an object open to other names')
    const names = Object.keys(properties).sort()
    const field = (name: string) =>
      `${literal(name)}:${this.#member(name, properties[name] ?? {}, top, depth)}`
    const needed = names.findIndex((name) => required.includes(name))
    if (needed === -1) return `\\{(?:${anyOf(names, field)})?\\}`
    // Commas stand between members: after those that may be missing before the first that may not.
    const fields = names.map((name, at) => {
      if (required.includes(name)) return at === needed ? field(name) : `,${field(name)}`
      return at < needed ? `(?:${field(name)},)?` : `(?:,${field(name)})?`
    })
    return `\\{${fields.join('')}\\}`
  }

  #member(name: string, schema: JsonSchema, top: boolean, depth: number): string {
    if (!top || !this.#wanted.includes(name)) return this.#value(schema, depth)
    this.captures.push(name)
    return `(${this.#value(schema, depth)})`
  }

  #value(schema: JsonSchema, depth: number): string {
    if (schema.$ref !== undefined) {
      const target = this.#root.$defs?.[schema.$ref.replace('#/$defs/', '')]
      if (target === undefined) throw new Error(`no ${schema.$ref}`)
      return depth === MAX_DEPTH ? NOTHING : this.#value(target, depth + 1)
    }
    const options = Array.isArray(schema.type)
      ? schema.type.map((type: string): JsonSchema => ({ type }))
      : (schema.anyOf ?? schema.oneOf)
    if (options !== undefined) {
      return `(?:${options.map((option) => this.#value(option, depth)).join('|')})`
    }
    // A rule that is not known here is left to the slow way.
    if (Object.keys(schema).some((rule) => !RULES.includes(rule))) return NOTHING
    if (schema.const !== undefined) return literal(schema.const)
    if (schema.enum !== undefined) return `(?:${schema.enum.map(literal).join('|')})`
    switch (schema.type) {
      case 'string':
        return string(schema)
      case 'integer':
        return integer(schema)
      case 'number':
        return `(?:0|-?${DIGITS})`
      case 'boolean':
        return '(?:true|false)'
      case 'array':
        return this.#array(schema, depth)
      default:
        return schema.properties === undefined
          ? this.#record(schema, depth)
          : this.object(schema, false, depth)
    }
  }

  #array({ items = {}, minItems = 0, maxItems }: JsonSchema, depth: number): string {
    const before = this.captures.length
    const item = this.#value(items, depth)
    // A group that matches more than once keeps only what it matched last.
    if (this.captures.length > before) throw new Error('a list of objects with any names')
    const most = maxItems === undefined ? '' : maxItems - 1
    const full = `${item}(?:,${item}){${Math.max(0, minItems - 1)},${most}}`
    return minItems > 0 ? `\\[${full}\\]` : `\\[(?:${full})?\\]`
  }

  #record(schema: JsonSchema, depth: number): string {
    const { propertyNames = { type: 'string' }, additionalProperties, required } = schema
    if (additionalProperties === undefined || additionalProperties === false) return NOTHING
    if (required !== undefined) return this.#complete(schema, additionalProperties, depth)
    this.captures.push(undefined)
    const before = this.captures.length
    const field = `${this.#value(propertyNames, depth)}:${this.#value(additionalProperties, depth)}`
    if (this.captures.length > before) throw new Error('a record of records')
    return `(\\{(?:${field}(?:,${field})*)?\\})`
  }

  /** A record that has all the names it may have. */
  #complete(
    { propertyNames, required = [] }: JsonSchema,
    value: JsonSchema,
    depth: number,
  ): string {
    const all = propertyNames?.enum?.every((name) => required.includes(String(name))) === true
    if (!all) throw new Error('a record with some names required')
    const properties = Object.fromEntries(required.map((name) => [name, value]))
    return this.object({ properties, required, additionalProperties: false }, false, depth)
  }
}

/** One or more of these, in order: whichever comes first is without a comma. */
function anyOf(names: readonly string[], field: (name: string) => string): string {
  const beginnings = names.map((first, at) => {
    const others = names.slice(at + 1).map((name) => `(?:,${field(name)})?`)
    return `${field(first)}${others.join('')}`
  })
  return beginnings.join('|')
}

function literal(value: unknown): string {
  return JSON.stringify(value).replaceAll(/[\\^$.*+?()[\]{}|/]/g, '\\$&')
}

function string({ pattern, minLength = 0, maxLength }: JsonSchema): string {
  const count = `{${minLength},${maxLength ?? ''}}`
  if (pattern === undefined) return `"${PLAIN}${count}"`
  if (pattern === '^\\P{Cc}*$') return `"${PRINTABLE}${count}"`
  if (!HARMLESS.test(pattern) || minLength > 0 || maxLength !== undefined) return NOTHING
  return `"(?:${pattern.slice(1, -1).replaceAll(/\((?!\?:)/g, '(?:')})"`
}

function integer({ minimum = -Infinity, maximum = Infinity }: JsonSchema): string {
  // Fifteen digits are below every maximum in use; another range is left to the slow way.
  if (maximum < 1e15 || (minimum !== 0 && minimum !== 1)) return NOTHING
  return minimum === 0 ? `(?:0|${DIGITS})` : DIGITS
}

/** Of a text that is known to be an object without escapes: a string before a colon is a name. */
function isInOrder(text: string): boolean {
  let last: string | undefined
  for (let open = text.indexOf('"'); open !== -1; ) {
    const close = text.indexOf('"', open + 1)
    if (text[close + 1] === ':') {
      const name = text.slice(open + 1, close)
      if (last !== undefined && name <= last) return false
      last = name
    }
    open = text.indexOf('"', close + 1)
  }
  return true
}
