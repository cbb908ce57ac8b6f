import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseConfig } from '../../src/config.ts'
import { formatDiagnostic } from '../../src/document/diagnostic.ts'
import { type BadFile, textOf } from '../scope/problems.ts'

export const CASES = join(import.meta.dirname, 'cases')
export const BASE = readFileSync(join(CASES, 'base.yaml'), 'utf8')

/** What is wrong with a case, as `line:column: message; expected …`. */
export async function problemsFor(file: BadFile): Promise<string[]> {
  const parsed = await parseConfig('', textOf(file, BASE))
  return parsed.ok ? [] : parsed.diagnostics.map((each) => formatDiagnostic(each).slice(1))
}
