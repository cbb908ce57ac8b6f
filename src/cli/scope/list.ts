import { scopeSummary } from '../../api/scope-summary.ts'
import { formatDuration } from '../../document/text.ts'
import { requireCatalog } from '../../scope/catalog.ts'
import { type Cli, EXIT } from '../cli.ts'
import type { OutputFlag, ScopesFlag } from '../flags.ts'
import type { ScopeListOutput } from '../output/scope.ts'
import { answer, table } from '../terminal.ts'

/** `credctl scope list` */
export default async function list(cli: Cli, flags: OutputFlag & ScopesFlag): Promise<number> {
  const catalog = await requireCatalog(flags.scopes)
  const value: ScopeListOutput = {
    catalogue: catalog.digest,
    scopes: [...catalog.scopes.values()].map(scopeSummary),
  }
  answer(cli, flags, value, ({ scopes }) =>
    table(
      cli,
      ['SCOPE', 'OWNER', 'ENVIRONMENTS', 'TTL', 'TARGETS'],
      scopes.map((scope) => [
        scope.name,
        scope.owner,
        scope.environments.join(', '),
        formatDuration(scope.ttl_seconds),
        Object.entries(scope.targets)
          .map(([name, kind]) => `${name} (${kind})`)
          .join(', '),
      ]),
    ),
  )
  return EXIT.ok
}
