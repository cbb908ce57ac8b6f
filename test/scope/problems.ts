import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { formatDiagnostic } from '../../src/document/diagnostic.ts'
import { parseSource } from '../../src/document/document.ts'
import { holeProblems } from '../../src/scope/holes.ts'
import { scopeSchema } from '../../src/scope/scope.ts'

export const CASES = join(import.meta.dirname, 'cases')
export const BASE = readFileSync(join(CASES, 'base.yaml'), 'utf8')

/** A file that is wrong: the base with one place replaced, or a text of its own. */
export interface BadFile {
  readonly it: string
  readonly replace?: string
  readonly by?: string
  readonly text?:
    | string
    | { readonly repeat: string; readonly times: number; readonly then?: string }
}

export function textOf({ it, replace, by, text }: BadFile, base: string): string {
  if (typeof text === 'string') return text
  if (text !== undefined) {
    return text.repeat.repeat(text.times) + (text.then ?? '').repeat(text.times)
  }
  const parts = base.split(replace ?? '')
  if (parts.length !== 2) throw new Error(`${it}: ${replace} stands ${parts.length - 1} times`)
  return parts.join(by)
}

/** What is wrong with a case, as `line:column: message; expected …`. */
export function problemsFor(file: BadFile): string[] {
  const parsed = parseSource('', textOf(file, BASE), scopeSchema)
  const found = parsed.ok
    ? holeProblems(parsed.value).map((problem) => parsed.document.locate(problem))
    : parsed.diagnostics
  return found.map((diagnostic) => formatDiagnostic(diagnostic).slice(1))
}

/** What a case expects: text that ends in `…` may go on. */
export function matching(problems: readonly string[]): unknown[] {
  return problems.map((problem) =>
    problem.endsWith('…') ? expect.stringContaining(problem.slice(0, -1)) : problem,
  )
}
