import { requireConfig } from '../../config.ts'
import {
  allAt,
  type Condition,
  conditionAt,
  conditionsOf,
} from '../../decision/windows/schedule.ts'
import type { OpenState } from '../../decision/windows/state.ts'
import { changesAnything, instant } from '../../decision/windows/windows.ts'
import type { Environment } from '../../environment/environment.ts'
import { CredctlError } from '../../errors.ts'
import { fillPlaceholders } from '../../plan/placeholders.ts'
import { planScope } from '../../plan/plan.ts'
import type { Scope } from '../../scope/scope.ts'
import { type Cli, EXIT } from '../cli.ts'
import type { ConfigFlag, OutputFlag, ScopesFlag } from '../flags.ts'
import type { WindowsShowOutput } from '../output/windows.ts'
import { findScope } from '../scope/find.ts'
import { answer, table } from '../terminal.ts'

type Flags = OutputFlag &
  ScopesFlag &
  ConfigFlag & { readonly at?: string; readonly env?: string; readonly scope?: string }
type Shown = WindowsShowOutput['environments'][number]

/** `credctl windows show`: offline, from the configuration and its calendars. */
export default async function show(cli: Cli, flags: Flags): Promise<number> {
  const at = flags.at === undefined ? Date.now() : readInstant(flags.at)
  const { environments: all } = await requireConfig(flags.config)
  const scope =
    flags.scope === undefined ? undefined : (await findScope(flags.scopes, flags.scope)).scope
  const environments = [...all.values()].filter(
    ({ name }) => name === (flags.env ?? name) && (scope?.environments.includes(name) ?? true),
  )
  if (environments.length === 0) throw noEnvironment(flags, scope?.environments ?? [...all.keys()])
  const value: WindowsShowOutput = {
    at: new Date(at).toISOString(),
    environments: environments.map((environment) => shown(environment, scope, at)),
  }
  answer(cli, flags, value, (shownValue) => text(cli, shownValue))
  const closed = value.environments.some(({ state }) => !state.open)
  return flags.env !== undefined && closed ? EXIT.failed : EXIT.ok
}

const INSTANT =
  /^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,3})?)?(Z|[+-][0-9]{2}:[0-9]{2})$/

/** With an offset or Z: a time without one is another instant in each zone. */
function readInstant(given: string): number {
  const at = INSTANT.test(given) ? Date.parse(given) : Number.NaN
  if (Number.isFinite(at)) return at
  const message = `--at ${JSON.stringify(given)} is not an instant`
  throw new CredctlError('usage', message, { hint: 'write it as 2026-12-24T20:00:00Z' })
}

function noEnvironment({ env, scope }: Flags, names: readonly string[]): CredctlError {
  const what = scope === undefined ? '' : ` of scope ${scope}`
  const message = `there is no environment ${env ?? ''}${what}`
  return new CredctlError('usage', message, { hint: `one of ${names.join(', ')}` })
}

/** Without a scope, as a change by a scope that names no windows of its own. */
function shown(environment: Environment, scope: Scope | undefined, at: number): Shown {
  const { name, schedule } = environment
  const conditions = conditionsOf({
    schedule,
    scope: scope?.name ?? '',
    windows: scope?.windows ?? [],
    changes: scope === undefined || changes(scope, environment),
  })
  return {
    name,
    ...(scope === undefined ? {} : { scope: scope.name }),
    state: shownState(allAt(conditions, at)),
    conditions: conditions.map((condition) => ({
      ...shownCondition(condition),
      state: shownState(conditionAt(condition, at)),
    })),
  }
}

/** A scope that cannot be planned is taken for one that changes things. */
function changes(scope: Scope, environment: Environment): boolean {
  const filled = fillPlaceholders(scope, {})
  const planned = planScope(filled.scope, environment, filled.parameters)
  return !planned.ok || changesAnything(planned.plan)
}

function shownState(state: OpenState): Shown['state'] {
  if (state.open) {
    return { open: true, ...(state.until === undefined ? {} : { until: instant(state.until) }) }
  }
  return { open: false, ...(state.next === undefined ? {} : { next: instant(state.next) }) }
}

function shownCondition(condition: Condition): Omit<Shown['conditions'][number], 'state'> {
  switch (condition.kind) {
    case 'unknown':
      return { kind: 'unknown', names: [...condition.names], of: 'scope' }
    case 'freeze': {
      const { name, reason } = condition.freeze
      return { kind: 'freeze', names: [name], of: 'operator', reason }
    }
    case 'windows':
      return { kind: 'window', names: condition.any.map(({ name }) => name), of: condition.of }
  }
}

function text(cli: Cli, { environments }: WindowsShowOutput): string {
  const rows = environments.flatMap(({ name, state, conditions }) => [
    [name, '', ...stateCells(state)],
    ...conditions.map(({ kind, names, of, state: each, reason }) => [
      '',
      `${kind} ${names.join(' or ')}${of === 'scope' ? ' (of the scope)' : ''}`,
      ...stateCells(each),
      reason ?? '',
    ]),
  ])
  return table(cli, ['ENVIRONMENT', 'BECAUSE OF', 'IS', 'UNTIL', 'REASON'], rows)
}

function stateCells(state: Shown['state']): string[] {
  const change = state.open ? state.until : state.next
  return [state.open ? 'open' : 'closed', change ?? '']
}
