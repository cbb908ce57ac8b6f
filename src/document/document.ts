import { isMap, isScalar, type Pair } from 'yaml'
import type { z } from 'zod'
import type { Diagnostic, Path, Problem } from './diagnostic.ts'
import { problemsOf } from './issue.ts'
import { readYaml, type StrictYaml } from './yaml.ts'

/** A scope or configuration is a page or two; anything near this is not one. */
const MAX_BYTES = 256 * 1024

export type Parsed<T> =
  | { readonly ok: true; readonly value: T; readonly document: SourceDocument }
  | { readonly ok: false; readonly diagnostics: readonly Diagnostic[] }

/**
 * A parsed file that still knows where each value stood. It keeps the text alone: a tree of nodes is
 * many times its size, and a catalogue without problems never asks for one.
 */
export class SourceDocument {
  readonly file: string
  readonly #text: string
  #tree: Pick<StrictYaml, 'root' | 'lines'> | undefined

  constructor(file: string, text: string) {
    this.file = file
    this.#text = text
  }

  get #parsed(): Pick<StrictYaml, 'root' | 'lines'> {
    this.#tree ??= readYaml(this.#text)
    return this.#tree
  }

  /** Gives a problem the line and column of the value (or key) it is about. */
  locate(problem: Problem): Diagnostic {
    return this.at(this.#offset(problem.path, problem.atKey ?? false), problem)
  }

  /** The same for a problem at an offset of the text. */
  at(offset: number, { message, expected }: Pick<Problem, 'message' | 'expected'>): Diagnostic {
    const { line, col } = this.#parsed.lines.linePos(offset)
    return {
      file: this.file,
      line: Math.max(line, 1),
      column: Math.max(col, 1),
      message,
      ...(expected === undefined ? {} : { expected }),
    }
  }

  /** Walks as far down the path as the file goes: a missing value is reported at its parent. */
  #offset(path: Path, atKey: boolean): number {
    let node: unknown = this.#parsed.root
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

/** Parses strict YAML (`readYaml`) into a typed value, or reports every problem with its position. */
export function parseSource<S extends z.ZodType>(
  file: string,
  text: string,
  schema: S,
): Parsed<z.output<S>> {
  if (Buffer.byteLength(text) > MAX_BYTES) {
    const message = `file is larger than ${MAX_BYTES / 1024} KiB`
    return { ok: false, diagnostics: [{ file, line: 1, column: 1, message }] }
  }
  const yaml = text.replace(/^\ufeff/, '')
  const { value, problems } = readYaml(yaml)
  const document = new SourceDocument(file, yaml)
  if (problems.length > 0) {
    return {
      ok: false,
      diagnostics: problems.map(({ offset, ...rest }) => document.at(offset, rest)),
    }
  }
  const result = schema.safeParse(value, { reportInput: true })
  if (result.success) return { ok: true, value: result.data, document }
  return {
    ok: false,
    diagnostics: problemsOf(result.error).map((problem) => document.locate(problem)),
  }
}
