import { scopeSummary } from '../../api/scope-summary.ts'
import { formatDuration } from '../../document/text.ts'
import type { TableAccess } from '../../scope/access-postgres.ts'
import type { Access, Scope } from '../../scope/scope.ts'
import { type Cli, EXIT } from '../cli.ts'
import type { OutputFlag, ScopesFlag } from '../flags.ts'
import type { ScopeShowOutput } from '../output/scope.ts'
import { answer, heading, printable } from '../terminal.ts'
import { findScope } from './find.ts'
import { ruleText } from './rule-text.ts'

/** `credctl scope show NAME` */
export default async function show(
  cli: Cli,
  flags: OutputFlag & ScopesFlag,
  name: string,
): Promise<number> {
  const found = await findScope(flags.scopes, name)
  const { allow, access, limits } = found.scope
  const file = found.document.file
  const value: ScopeShowOutput = { ...scopeSummary(found), file, allow, access, limits }
  answer(cli, flags, value, (shown) => text(cli, shown, found.scope))
  return EXIT.ok
}

function text(cli: Cli, scope: ScopeShowOutput, { access, windows }: Scope): string {
  const lines = [
    `  file          ${scope.file}`,
    `  digest        ${scope.digest}`,
    `  owner         ${scope.owner}`,
    `  environments  ${scope.environments.join(', ')}`,
    `  ttl           ${formatDuration(scope.ttl_seconds)}`,
    ...(windows.length === 0 ? [] : [`  windows       ${windows.join(', ')}`]),
    ...Object.entries(scope.limits).map(([name, limit]) => `  limit         ${name} ${limit}`),
    ...Object.entries(scope.parameters).map(
      ([name, { pattern, description }]) => `  parameter     ${name}: ${pattern}  ${description}`,
    ),
    ...scope.allow.map((rule) => `  allow         ${ruleText(rule)}`),
    ...Object.entries(access).flatMap(([target, given]) => accessLines(target, given)),
  ]
  const head = `${heading(cli, scope.name)}  ${printable(scope.description)}`
  return [head, ...lines.map(printable)].map((line) => `${line}\n`).join('')
}

function accessLines(target: string, access: Access): string[] {
  if ('aws' in access) {
    const statements = access.aws.map(({ do: actions, on }) => {
      const what = typeof actions === 'string' ? actions : actions.join(', ')
      return `    ${what} on ${on.join(', ')}`
    })
    return [`  ${target} (aws)`, ...statements]
  }
  if ('mysql' in access) {
    const tables = Object.entries(access.mysql.tables)
    return [`  ${target} (mysql)`, ...tables.map(([name, given]) => `    ${name}: ${verbs(given)}`)]
  }
  const { tables, views, foreign_tables: foreign, sequences } = access.postgres
  const relations = Object.entries({ ...tables, ...views, ...foreign })
  return [
    `  ${target} (postgres)`,
    ...relations.map(([name, given]) => `    ${name}: ${verbs(given)}`),
    ...sequences.map((name) => `    ${name}: usage`),
  ]
}

function verbs(given: TableAccess): string {
  if (Array.isArray(given)) return given.join(', ')
  return Object.entries(given)
    .map(([verb, columns]) => (Array.isArray(columns) ? `${verb} (${columns.join(', ')})` : verb))
    .join(', ')
}
