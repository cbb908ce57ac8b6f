import { z } from 'zod'
import type { Problem } from '../document/diagnostic.ts'
import { fields } from '../document/fields.ts'
import { slug } from '../document/text.ts'
import { freezeEnd, freezeSchema, freezeStart, type Opening, windowSchema } from './window.ts'

/** A window with its calendars read: everything needed to tell whether it is open. */
export interface Window {
  readonly name: string
  /** IANA name. */
  readonly zone: string
  readonly open: readonly Opening[]
  /** Local days (`2026-12-25`) on which it stays closed, whatever `open` says. */
  readonly closedDays: ReadonlySet<string>
  readonly covers: 'changes' | 'everything'
  readonly atClose: 'end' | 'finish'
}

export interface Freeze {
  readonly name: string
  /** Inclusive, in ms since the epoch. */
  readonly from: number
  /** Exclusive, in ms since the epoch. */
  readonly to: number
  readonly reason: string
  /** Undefined means every scope. */
  readonly scopes: readonly string[] | undefined
  readonly exceptScopes: readonly string[]
  readonly covers: 'changes' | 'everything'
  readonly atClose: 'end' | 'finish'
}

/** When an environment may be asked for. */
export interface Schedule {
  /** Names of windows, one of which must be open; without any, time does not matter. */
  readonly required: readonly string[]
  /** Every window the operator has defined: scopes name them too. */
  readonly windows: ReadonlyMap<string, Window>
  readonly freezes: readonly Freeze[]
}

export const ALWAYS: Schedule = { required: [], windows: new Map(), freezes: [] }

/** The operator's sections about time. */
export const scheduleSections = {
  windows: z.record(slug, windowSchema).default({}),
  freezes: z.record(slug, freezeSchema).default({}),
  calendars: z.record(slug, fields({ file: z.string().min(1).max(1024) })).default({}),
}

export interface ScheduleConfig {
  readonly windows: z.infer<(typeof scheduleSections)['windows']>
  readonly freezes: z.infer<(typeof scheduleSections)['freezes']>
  readonly calendars: z.infer<(typeof scheduleSections)['calendars']>
  readonly environments: Readonly<Record<string, { readonly windows: readonly string[] }>>
}

/** Days by name of calendar. */
export type Calendars = ReadonlyMap<string, ReadonlySet<string>>

/** The schedule of each environment. The names it uses were checked by `scheduleProblems`. */
export function schedulesOf(config: ScheduleConfig, calendars: Calendars): Map<string, Schedule> {
  const windows = new Map(
    Object.entries(config.windows).map(([name, { closed_on, at_close, ...rest }]) => {
      const closedDays = new Set(
        (closed_on ?? []).flatMap((key) => [...(calendars.get(key) ?? [])]),
      )
      return [name, { name, ...rest, atClose: at_close, closedDays }]
    }),
  )
  const freezesOf = (environment: string) =>
    Object.entries(config.freezes).flatMap(([name, freeze]): Freeze[] => {
      if (!freeze.environments.includes(environment)) return []
      const times = { from: freezeStart(freeze), to: freezeEnd(freeze) }
      const { reason, scopes, covers, at_close: atClose, except_scopes: exceptScopes = [] } = freeze
      return [{ name, ...times, reason, scopes, exceptScopes, covers, atClose }]
    })
  return new Map(
    Object.entries(config.environments).map(([name, { windows: required }]) => [
      name,
      { required, windows, freezes: freezesOf(name) },
    ]),
  )
}

/** Names that lead nowhere: each would be a window nobody keeps. */
export function scheduleProblems(config: ScheduleConfig): Problem[] {
  const windows = Object.keys(config.windows)
  const environments = Object.keys(config.environments)
  const calendars = Object.keys(config.calendars)
  return [
    ...Object.entries(config.environments).flatMap(([name, each]) =>
      unknownNames(each.windows, windows, 'window', ['environments', name, 'windows']),
    ),
    ...Object.entries(config.windows).flatMap(([name, { closed_on = [] }]) =>
      unknownNames(closed_on, calendars, 'calendar', ['windows', name, 'closed_on']),
    ),
    ...Object.entries(config.freezes).flatMap(([name, freeze]) =>
      unknownNames(freeze.environments, environments, 'environment', [
        'freezes',
        name,
        'environments',
      ]),
    ),
  ]
}

function unknownNames(
  names: readonly string[],
  known: readonly string[],
  kind: string,
  path: readonly (string | number)[],
): Problem[] {
  const expected = known.length === 0 ? `a ${kind}; none is defined` : `one of ${known.join(', ')}`
  return names.flatMap((name, at) =>
    known.includes(name)
      ? []
      : [{ path: [...path, at], message: `there is no ${kind} ${name}`, expected }],
  )
}
