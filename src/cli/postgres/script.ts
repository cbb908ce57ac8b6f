import { digestOf } from '../../canonical.ts'
import type { Cli } from '../cli.ts'
import type { OutputFlag } from '../flags.ts'
import type { PostgresScriptOutput } from '../output/postgres.ts'
import { answer, printable } from '../terminal.ts'
import type { Place } from './place.ts'

export interface Script {
  /** Whose login runs it, in words. */
  readonly as: string
  readonly statements: readonly string[]
}

export function digestOfScripts(scripts: readonly Script[]): string {
  return digestOf(scripts.map(({ as, statements }) => ({ as, statements: [...statements] })))
}

/** SQL that psql can run as it is printed; who runs it stands in comments. */
export function printScripts(
  cli: Cli,
  flags: OutputFlag,
  { environment, target, server }: Place,
  scripts: readonly Script[],
  applied: boolean,
): void {
  const value: PostgresScriptOutput = {
    environment: environment.name,
    target,
    database: server.database,
    scripts: scripts.map(({ as, statements }) => ({ as, statements: [...statements] })),
    digest: digestOfScripts(scripts),
    applied,
  }
  answer(cli, flags, value, text)
}

function text({ environment, target, database, scripts, digest }: PostgresScriptOutput): string {
  const parts = scripts.map(({ as, statements }) =>
    [
      `-- ${as}`,
      'BEGIN;',
      ...statements.map((statement) => `${statement.trimEnd()};`),
      'COMMIT;',
    ].join('\n'),
  )
  const head = `-- ${environment}.${target}, database ${database}\n-- ${digest}`
  return `${printable([head, ...parts].join('\n\n'))}\n`
}
