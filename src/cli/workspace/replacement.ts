import type { Config } from '../../config.ts'
import type { Target } from '../../environment/environment.ts'
import type { Catalog } from '../../scope/catalog.ts'
import type { Opens } from './opens.ts'

/** A scope that gives credentials of minutes for what a secret in a file opens. */
export interface Replacement {
  readonly scope: string
  readonly environment: string
  readonly target: string
}

/** What is declared: nothing of it is needed to find secrets. */
export interface Declared {
  readonly config: Config | undefined
  readonly catalog: Catalog | undefined
}

export interface Advice {
  readonly scopes: readonly Replacement[]
  /** What to do, as one sentence. */
  readonly next: string
}

/** Which scope an agent would take instead, or what is missing for there to be one. */
export function adviceFor(opened: Opens, { config, catalog }: Declared): Advice {
  if (opened.kind === 'other') return { scopes: [], next: ELSEWHERE }
  const targets = [...(config?.environments.values() ?? [])].flatMap(({ name, targets }) =>
    Object.entries(targets).flatMap(([target, place]) =>
      isPlace(place, opened) ? [{ environment: name, target }] : [],
    ),
  )
  const scopes = [...(catalog?.scopes.values() ?? [])].flatMap(({ scope }) =>
    targets
      .filter(({ environment }) => scope.environments.includes(environment))
      .filter(({ target }) => Object.hasOwn(scope.access, target))
      .map((place) => ({ scope: scope.name, ...place })),
  )
  return { scopes, next: nextStep(opened.kind, targets, scopes) }
}

const ELSEWHERE =
  'No scope can give this: keep it where agents do not run, or in a secret store, and rotate it.'

function nextStep(
  kind: 'aws' | 'postgres',
  targets: readonly { readonly environment: string; readonly target: string }[],
  [scope]: readonly Replacement[],
): string {
  if (scope !== undefined) {
    return `Remove it, rotate it, and run the task as credctl exec --scope ${scope.scope} --env ${scope.environment} -- COMMAND.`
  }
  const [place] = targets
  if (place !== undefined) {
    return `It is target ${place.target} of ${place.environment}, and no scope gives it: credctl scope new writes one.`
  }
  const what = kind === 'aws' ? 'a role in this account' : 'this database'
  return `No target of the configuration is ${what}: an operator adds it, credctl scope new writes the scope.`
}

/** What the text does not say could be anything: that is left open. */
function isPlace(target: Target, opened: Opens): boolean {
  if (opened.kind === 'aws') return 'account' in target && same(opened.account, target.account)
  if (opened.kind !== 'postgres' || !('database' in target)) return false
  return (
    same(opened.host, target.host.toLowerCase()) &&
    same(opened.port, target.port) &&
    same(opened.database, target.database)
  )
}

function same<T>(told: T | undefined, value: T): boolean {
  return told === undefined || told === value
}
