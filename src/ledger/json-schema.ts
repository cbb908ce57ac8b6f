/*
 * Compiles the published JSON schema of entries to plain functions: a verifier reads millions of
 * entries, and this takes a quarter of the time of the schema library.
 */

/** True for exactly the values that the schema accepts. */
export type Check = (value: unknown) => boolean

/** The part of JSON Schema (draft 2020-12) that `z.toJSONSchema` writes for entries. */
export interface JsonSchema {
  readonly $ref?: string
  readonly $defs?: Readonly<Record<string, JsonSchema>>
  readonly type?: string | readonly string[]
  readonly const?: unknown
  readonly enum?: readonly unknown[]
  readonly pattern?: string
  readonly minLength?: number
  readonly maxLength?: number
  readonly minimum?: number
  readonly maximum?: number
  readonly items?: JsonSchema
  readonly minItems?: number
  readonly maxItems?: number
  readonly properties?: Readonly<Record<string, JsonSchema>>
  readonly required?: readonly string[]
  readonly additionalProperties?: JsonSchema | false
  readonly propertyNames?: JsonSchema
  readonly anyOf?: readonly JsonSchema[]
  readonly oneOf?: readonly JsonSchema[]
}

/** Keywords that say nothing about a value. */
const ANNOTATIONS = ['$schema', '$defs', 'title', 'description', 'id']
const KEYWORDS: Readonly<Record<string, readonly string[]>> = {
  string: ['type', 'const', 'enum', 'pattern', 'minLength', 'maxLength'],
  number: ['type', 'const'],
  integer: ['type', 'minimum', 'maximum'],
  boolean: ['type'],
  array: ['type', 'items', 'minItems', 'maxItems'],
  object: ['type', 'properties', 'required', 'additionalProperties', 'propertyNames'],
}

/** For values that came from JSON. Throws on a rule it does not know: none may go unchecked. */
export function compile(schema: JsonSchema, root: JsonSchema = schema): Check {
  if (schema.$ref !== undefined) return compileReference(schema.$ref, root)
  const options = optionsOf(schema)
  if (options !== undefined) return compileUnion(options, root)
  const { type } = schema
  if (typeof type !== 'string') throw new Error('entries use a value without type')
  requireKnown(schema, KEYWORDS[type] ?? [])
  switch (type) {
    case 'string':
      return compileString(schema)
    case 'integer':
      return compileInteger(schema)
    case 'number':
      return schema.const === undefined
        ? (value) => Number.isFinite(value)
        : (value) => value === schema.const
    case 'boolean':
      return (value) => typeof value === 'boolean'
    case 'array':
      return compileArray(schema, root)
    default:
      return schema.properties === undefined
        ? compileRecord(schema, root)
        : compileObject(schema, schema.properties, root)
  }
}

/** A list of types is a union of them. */
function optionsOf(schema: JsonSchema): readonly JsonSchema[] | undefined {
  if (Array.isArray(schema.type)) {
    requireKnown(schema, ['type'])
    return schema.type.map((type: string) => ({ type }))
  }
  const options = schema.anyOf ?? schema.oneOf
  if (options !== undefined) requireKnown(schema, ['anyOf', 'oneOf'])
  return options
}

function requireKnown(schema: JsonSchema, known: readonly string[]): void {
  const unknown = Object.keys(schema).find((key) => ![...known, ...ANNOTATIONS].includes(key))
  if (unknown !== undefined) throw new Error(`entries use ${unknown}, which is not checked here`)
}

/** A shape that holds itself is compiled when it is first met. */
function compileReference(reference: string, root: JsonSchema): Check {
  const target = root.$defs?.[reference.replace('#/$defs/', '')]
  if (target === undefined) throw new Error(`no ${reference}`)
  let compiled: Check | undefined
  return (value) => {
    compiled ??= compile(target, root)
    return compiled(value)
  }
}

function compileString(schema: JsonSchema): Check {
  const { pattern, minLength = 0, maxLength = Number.POSITIVE_INFINITY } = schema
  if (schema.const !== undefined) return (value) => value === schema.const
  if (schema.enum !== undefined) {
    const allowed = new Set(schema.enum)
    return (value) => allowed.has(value)
  }
  const expression = pattern === undefined ? undefined : new RegExp(pattern, 'u')
  return (value) =>
    typeof value === 'string' &&
    value.length >= minLength &&
    value.length <= maxLength &&
    (expression === undefined || expression.test(value))
}

function compileInteger({ minimum = -Infinity, maximum = Infinity }: JsonSchema): Check {
  return (value) =>
    Number.isSafeInteger(value) && Number(value) >= minimum && Number(value) <= maximum
}

function compileArray(schema: JsonSchema, root: JsonSchema): Check {
  const { items = {}, minItems = 0, maxItems = Infinity } = schema
  const check = compile(items, root)
  const isLong = (length: number) => length >= minItems && length <= maxItems
  return (value) => Array.isArray(value) && isLong(value.length) && value.every(check)
}

function compileRecord(schema: JsonSchema, root: JsonSchema): Check {
  const { propertyNames = { type: 'string' }, additionalProperties, required = [] } = schema
  if (additionalProperties === undefined || additionalProperties === false) {
    throw new Error('an object without properties')
  }
  const name = compile(propertyNames, root)
  const content = compile(additionalProperties, root)
  return (value) => {
    if (!isObject(value)) return false
    for (const key in value) if (!name(key) || !content(value[key])) return false
    return required.every((key) => Object.hasOwn(value, key))
  }
}

function compileObject(
  schema: JsonSchema,
  properties: Readonly<Record<string, JsonSchema>>,
  root: JsonSchema,
): Check {
  if (schema.additionalProperties !== false) throw new Error('an object open to other names')
  const checks = new Map(
    Object.entries(properties).map(([key, each]) => [key, compile(each, root)]),
  )
  const required = new Set(schema.required)
  return (value) => {
    if (!isObject(value)) return false
    let found = 0
    for (const key in value) {
      if (checks.get(key)?.(value[key]) !== true) return false
      if (required.has(key)) found += 1
    }
    return found === required.size
  }
}

/** The members of the union of entries differ in `kind`; others are tried one after another. */
function compileUnion(options: readonly JsonSchema[], root: JsonSchema): Check {
  const kinds = options.map(({ properties }) => properties?.['kind']?.const)
  const checks = options.map((option) => compile(option, root))
  if (kinds.some((kind) => kind === undefined)) {
    return (value) => checks.some((check) => check(value))
  }
  const byKind = new Map(kinds.map((kind, at) => [kind, checks[at]]))
  return (value) => isObject(value) && byKind.get(value['kind'])?.(value) === true
}

/** Of JSON: its objects have no inherited names. */
function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
