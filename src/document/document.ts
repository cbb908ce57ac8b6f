import { isMap, isScalar, LineCounter, type Node, type Pair, parseDocument, visit } from 'yaml'
import type { z } from 'zod'
import type { Diagnostic, Path, Problem } from './diagnostic.ts'
import { problemsOf } from './issue.ts'

/** A scope or configuration is a page or two; anything near this is not one. */
const MAX_BYTES = 256 * 1024

export type Parsed<T> =
  | { readonly ok: true; readonly value: T; readonly document: SourceDocument }
  | { readonly ok: false; readonly diagnostics: readonly Diagnostic[] }

/** A parsed file that still knows where each value stood. */
export class SourceDocument {
  readonly file: string
  readonly #root: Node | null
  readonly #lines: LineCounter

  constructor(file: string, root: Node | null, lines: LineCounter) {
    this.file = file
    this.#root = root
    this.#lines = lines
  }

  /** Gives a problem the line and column of the value (or key) it is about. */
  locate(problem: Problem): Diagnostic {
    const offset = this.#offset(problem.path, problem.atKey ?? false)
    const { line, col } = this.#lines.linePos(offset)
    return {
      file: this.file,
      line: Math.max(line, 1),
      column: Math.max(col, 1),
      message: problem.message,
      ...(problem.expected === undefined ? {} : { expected: problem.expected }),
    }
  }

  /** Walks as far down the path as the file goes: a missing value is reported at its parent. */
  #offset(path: Path, atKey: boolean): number {
    let node: unknown = this.#root
    let offset = startOf(node) ?? 0
    for (const [depth, step] of path.entries()) {
      const pair = isMap(node) ? findPair(node.items, step) : undefined
      const next = pair ? pair.value : childAt(node, step)
      if (pair && atKey && depth === path.length - 1) return startOf(pair.key) ?? offset
      if (next === undefined) return offset
      node = next
      offset = startOf(node) ?? startOf(pair?.key) ?? offset
    }
    return offset
  }
}

function findPair(items: readonly Pair[], step: string | number): Pair | undefined {
  return items.find((pair) => isScalar(pair.key) && String(pair.key.value) === String(step))
}

function childAt(node: unknown, step: string | number): unknown {
  if (typeof step !== 'number' || typeof node !== 'object' || node === null) return undefined
  return 'items' in node && Array.isArray(node.items) ? node.items[step] : undefined
}

function startOf(node: unknown): number | undefined {
  if (typeof node !== 'object' || node === null || !('range' in node)) return undefined
  return Array.isArray(node.range) ? Number(node.range[0]) : undefined
}

/**
 * Parses YAML from outside into a typed value, or reports every problem with its position. Strict:
 * one document, unique keys, no tags, no anchors, no merge keys, so that what a reviewer reads is
 * what the program sees.
 */
export function parseSource<S extends z.ZodType>(
  file: string,
  text: string,
  schema: S,
): Parsed<z.output<S>> {
  if (Buffer.byteLength(text) > MAX_BYTES) {
    const message = `file is larger than ${MAX_BYTES / 1024} KiB`
    return { ok: false, diagnostics: [{ file, line: 1, column: 1, message }] }
  }
  const lines = new LineCounter()
  const yaml = parseDocument(text, {
    lineCounter: lines,
    strict: true,
    uniqueKeys: true,
    version: '1.2',
    schema: 'core',
    prettyErrors: false,
  })
  const document = new SourceDocument(file, yaml.contents, lines)
  const syntax = [...yaml.errors, ...yaml.warnings].map((error): Diagnostic => {
    const { line, col } = lines.linePos(error.pos[0])
    return { file, line: Math.max(line, 1), column: Math.max(col, 1), message: error.message }
  })
  if (syntax.length > 0) return { ok: false, diagnostics: syntax }

  const indirections = findIndirections(file, yaml, lines)
  if (indirections.length > 0) return { ok: false, diagnostics: indirections }

  const result = schema.safeParse(yaml.toJS(), { reportInput: true })
  if (result.success) return { ok: true, value: result.data, document }
  return {
    ok: false,
    diagnostics: problemsOf(result.error).map((problem) => document.locate(problem)),
  }
}

/** Anchors and aliases can make one reviewed line mean something elsewhere in the file. */
function findIndirections(
  file: string,
  yaml: ReturnType<typeof parseDocument>,
  lines: LineCounter,
): Diagnostic[] {
  const found: Diagnostic[] = []
  const report = (node: Node, message: string) => {
    const { line, col } = lines.linePos(node.range?.[0] ?? 0)
    found.push({ file, line, column: col, message, expected: 'the value written out' })
  }
  visit(yaml, {
    Alias: (_key, node) => report(node, 'YAML aliases are not accepted'),
    Node: (_key, node) => {
      if ('anchor' in node && node.anchor) report(node, 'YAML anchors are not accepted')
      if (node.tag?.startsWith('!')) report(node, 'YAML tags are not accepted')
    },
  })
  return found
}
