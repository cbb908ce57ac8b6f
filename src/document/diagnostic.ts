/** One problem in a file a person wrote, where it is, and what would have been accepted. */
export interface Diagnostic {
  readonly file: string
  /** 1-based; 1:1 when the problem is the whole file. */
  readonly line: number
  readonly column: number
  readonly message: string
  /** What would be accepted, without a full stop. */
  readonly expected?: string
}

/** Steps from the document's root to a value: what zod calls an issue path. */
export type Path = readonly (string | number)[]

/** A problem found in a value, before anyone knows which line of which file it stands on. */
export interface Problem {
  readonly path: Path
  readonly message: string
  readonly expected?: string
  /** True when the offending text is the key at the end of `path`, not its value. */
  readonly atKey?: boolean
}

/** `file:line:column: message; expected …`: the form editors and CI systems link to. */
export function formatDiagnostic(diagnostic: Diagnostic): string {
  const { file, line, column, message, expected } = diagnostic
  const tail = expected === undefined ? '' : `; expected ${expected}`
  return `${file}:${line}:${column}: ${message}${tail}`
}

/** File order, then position: the order in which a reader meets them. */
export function sortDiagnostics(diagnostics: readonly Diagnostic[]): Diagnostic[] {
  return [...diagnostics].sort(
    (a, b) =>
      (a.file < b.file ? -1 : a.file > b.file ? 1 : 0) || a.line - b.line || a.column - b.column,
  )
}
