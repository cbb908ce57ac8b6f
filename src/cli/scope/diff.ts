import { DocumentError } from '../../document/error.ts'
import type { Environment } from '../../environment/environment.ts'
import { type Catalog, requireCatalog } from '../../scope/catalog.ts'
import { type Cli, EXIT } from '../cli.ts'
import type { ConfigFlag, OutputFlag, ScopesFlag } from '../flags.ts'
import type { ScopeDiffOutput } from '../output/scope.ts'
import { answer, heading, note, printable } from '../terminal.ts'
import { readEnvironments } from './environments.ts'
import { factsOf } from './facts.ts'
import { withScopesOf } from './revision.ts'

type Flags = ScopesFlag & ConfigFlag & OutputFlag

/** `credctl scope diff BASE`: what a change of scopes gives and takes, for whoever reviews it. */
export default async function diff(cli: Cli, flags: Flags, base: string): Promise<number> {
  const { config, diagnostics } = await readEnvironments(cli, flags.config)
  if (diagnostics.length > 0) {
    throw new DocumentError('config_invalid', 'the configuration is not valid', diagnostics)
  }
  if (config === undefined) note(cli, `there is no ${flags.config}: plans are not compared`)
  const after = await requireCatalog(flags.scopes)
  const before = await withScopesOf(base, flags.scopes, requireCatalog)
  const value: ScopeDiffOutput = { changes: changesOf(before, after, config?.environments) }
  answer(cli, flags, value, (shown) => text(cli, shown))
  return EXIT.ok
}

type Change = ScopeDiffOutput['changes'][number]

function changesOf(
  before: Catalog,
  after: Catalog,
  environments: ReadonlyMap<string, Environment> | undefined,
): Change[] {
  const names = new Set([...before.scopes.keys(), ...after.scopes.keys()])
  return [...names].sort().flatMap((scope): Change[] => {
    const [old, now] = [before.scopes.get(scope), after.scopes.get(scope)]
    const oldFacts = old === undefined ? [] : factsOf(old.scope, environments)
    const newFacts = now === undefined ? [] : factsOf(now.scope, environments)
    const gained = newFacts.filter((fact) => !oldFacts.includes(fact))
    const lost = oldFacts.filter((fact) => !newFacts.includes(fact))
    if (gained.length + lost.length === 0) return []
    const status = old === undefined ? 'added' : now === undefined ? 'removed' : 'changed'
    return [{ scope, status, gained, lost }]
  })
}

function text(cli: Cli, { changes }: ScopeDiffOutput): string {
  if (changes.length === 0) return 'no scope gives anything else\n'
  return changes
    .map(({ scope, status, gained, lost }) => {
      const facts = [...lost.map((fact) => `  - ${fact}`), ...gained.map((fact) => `  + ${fact}`)]
      const lines = facts.map((fact) => `${printable(fact)}\n`)
      return `${heading(cli, scope)} (${status})\n${lines.join('')}`
    })
    .join('\n')
}
