import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { parseSync } from 'vite'

export const ROOT = join(import.meta.dirname, '../..')
const SRC = join(ROOT, 'src')

export interface Import {
  /** As written. */
  readonly specifier: string
  /** File under `src/` that a relative specifier leads to. */
  readonly target: string | undefined
  /** Erased before the program runs. */
  readonly typeOnly: boolean
  readonly dynamic: boolean
}

/** A node of the syntax tree, with what surrounds it. */
export interface Place {
  readonly node: Node
  readonly parents: readonly Node[]
}

export interface Node {
  readonly type: string
  readonly [key: string]: unknown
}

export interface SourceFile {
  /** Relative to `src/`, with slashes. */
  readonly name: string
  readonly lines: number
  readonly comments: readonly string[]
  readonly imports: readonly Import[]
  readonly nodes: readonly Place[]
}

/** Every TypeScript file of the product, parsed. */
export function readSources(): SourceFile[] {
  return readdirSync(SRC, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .sort()
    .map((name) => parseFile(name, readFileSync(join(SRC, name), 'utf8')))
}

export function parseFile(name: string, text: string): SourceFile {
  const { program, comments, errors } = parseSync(name, text, { astType: 'ts' })
  if (errors.length > 0) throw new Error(`${name}: ${errors[0]?.message}`)
  const nodes: Place[] = []
  collect(program, [], nodes)
  return {
    name,
    lines: text.split('\n').length - 1,
    comments: comments.map((comment) => comment.value),
    imports: nodes.flatMap(({ node }) => importOf(node, name)),
    nodes,
  }
}

function collect(value: unknown, parents: readonly Node[], into: Place[]): void {
  if (Array.isArray(value)) for (const item of value) collect(item, parents, into)
  if (!isNode(value)) return
  into.push({ node: value, parents })
  for (const child of Object.values(value)) collect(child, [...parents, value], into)
}

export function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && 'type' in value && 'start' in value
}

/** `a.b.c` as text, or undefined for anything that is not a plain chain of names. */
export function chain(value: unknown): string | undefined {
  if (!isNode(value)) return undefined
  if (value.type === 'Identifier') return String(value['name'])
  if (value.type !== 'MemberExpression') return undefined
  const left = chain(value['object'])
  const right = propertyOf(value)
  return left === undefined || right === undefined ? undefined : `${left}.${right}`
}

/** Name of the member, whether written `.name` or `['name']`. */
export function propertyOf(node: Node): string | undefined {
  const property = node['property']
  if (!isNode(property)) return undefined
  if (property.type === 'Literal') return String(property['value'])
  if (property.type === 'PrivateIdentifier') return `#${String(property['name'])}`
  return node['computed'] === true ? undefined : String(property['name'])
}

function importOf(node: Node, from: string): Import[] {
  const source = node['source']
  if (!isNode(source)) return []
  const dynamic = node.type === 'ImportExpression'
  const specifier = source.type === 'Literal' ? String(source['value']) : '(computed)'
  return [{ specifier, target: targetOf(specifier, from), typeOnly: isTypeOnly(node), dynamic }]
}

function isTypeOnly(node: Node): boolean {
  if (node.type === 'TSImportType') return true
  if (node['importKind'] === 'type' || node['exportKind'] === 'type') return true
  const specifiers = node['specifiers']
  const named = Array.isArray(specifiers) ? specifiers.filter(isNode) : []
  return (
    named.length > 0 &&
    named.every((each) => each['importKind'] === 'type' || each['exportKind'] === 'type')
  )
}

function targetOf(specifier: string, from: string): string | undefined {
  if (!specifier.startsWith('.')) return undefined
  return relative(SRC, join(SRC, dirname(from), specifier)).replaceAll('\\', '/')
}
