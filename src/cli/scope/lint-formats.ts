import type { Diagnostic } from '../../document/diagnostic.ts'

/** Workflow commands: GitHub shows each problem at its line of a pull request. */
export function githubAnnotations(problems: readonly Diagnostic[]): string {
  return problems
    .map((problem) => {
      const { file, line, column } = problem
      const place = `file=${property(file)},line=${line},col=${column}`
      return `::error ${place}::${data(sentence(problem))}\n`
    })
    .join('')
}

/** A file name or message must not end its command, nor start another one. */
function data(text: string): string {
  return text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A')
}

function property(text: string): string {
  return data(text).replaceAll(':', '%3A').replaceAll(',', '%2C')
}

export const SCOPE_RULE = { id: 'task-scope', text: 'A task scope is not valid' }

/** SARIF 2.1.0, which code scanners and editors read. */
export function sarif(
  problems: readonly Diagnostic[],
  { id, text }: { readonly id: string; readonly text: string },
): string {
  const run = {
    tool: { driver: { name: 'credctl', rules: [{ id, shortDescription: { text } }] } },
    results: problems.map((problem) => ({
      ruleId: id,
      level: 'error',
      message: { text: sentence(problem) },
      locations: [
        {
          physicalLocation: {
            artifactLocation: { uri: uri(problem.file) },
            region: { startLine: problem.line, startColumn: problem.column },
          },
        },
      ],
    })),
  }
  const $schema = 'https://json.schemastore.org/sarif-2.1.0.json'
  return `${JSON.stringify({ $schema, version: '2.1.0', runs: [run] }, null, 2)}\n`
}

function uri(file: string): string {
  return file.split(/[\\/]/).map(encodeURIComponent).join('/')
}

function sentence({ message, expected }: Diagnostic): string {
  return expected === undefined ? message : `${message}; expected ${expected}`
}
