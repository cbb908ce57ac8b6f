import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { Temporal } from 'temporal-polyfill'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { changeOf, stateAt } from '../../../src/decision/windows/state.ts'
import type { Window } from '../../../src/environment/schedule.ts'
import { DAYS } from '../../../src/environment/window.ts'
import { type WindowText, windowOf } from './window.ts'

type Expected = { readonly until: string | null } | { readonly next: string | null }

interface Case {
  readonly it: string
  readonly window: WindowText
  readonly at: Readonly<Record<string, Expected>>
}

const cases: readonly Case[] = parse(readFileSync(join(import.meta.dirname, 'hours.yaml'), 'utf8'))

const instants = cases.flatMap(({ it, window, at }) =>
  Object.entries(at).map(([instant, expected]) => [it, instant, window, expected] as const),
)

describe('a window', () => {
  test.each(instants)('%s: at %s', (_it, instant, window, expected) => {
    expect(shown(windowOf('w', window), Date.parse(instant))).toEqual(expected)
  })

  test('is open exactly when the clocks of its zone show a time that is in it', () => {
    fc.assert(
      fc.property(anyWindow, anyInstant, (window, at) => {
        expect(stateAt(window, at).open).toBe(clockSaysOpen(window, at))
      }),
      { numRuns: 400 },
    )
  })

  test('stays as it is until the change it names, and not longer', () => {
    fc.assert(
      fc.property(
        anyWindow,
        anyInstant,
        fc.double({ min: 0, max: 1, noNaN: true }),
        (window, at, part) => {
          const state = stateAt(window, at)
          const change = changeOf(state)
          if (change === undefined) return
          expect(clockSaysOpen(window, Math.floor(at + (change - 1 - at) * part))).toBe(state.open)
          expect(clockSaysOpen(window, change)).toBe(!state.open)
        },
      ),
      { numRuns: 400 },
    )
  })

  test('answers the same whatever was asked before', () => {
    fc.assert(
      fc.property(
        anyWindow,
        fc.array(anyInstant, { minLength: 2, maxLength: 30 }),
        (window, times) => {
          for (const at of times) {
            const fresh = { ...window }
            expect(stateAt(window, at)).toEqual(stateAt(fresh, at))
          }
        },
      ),
      { numRuns: 30 },
    )
  })
})

function shown(window: Window, at: number) {
  const state = stateAt(window, at)
  const change = changeOf(state)
  const text = change === undefined ? null : new Date(change).toISOString().replace('.000Z', 'Z')
  return state.open ? { until: text } : { next: text }
}

/** The rule in its plainest words, without intervals. */
function clockSaysOpen(window: Window, at: number): boolean {
  const clock = Temporal.Instant.fromEpochMilliseconds(at).toZonedDateTimeISO(window.zone)
  const day = clock.toPlainDate()
  if (window.closedDays.has(day.toString())) return false
  const minute = clock.hour * 60 + clock.minute
  const isOn = (opening: Window['open'][number], on: Temporal.PlainDate) =>
    opening.days?.some((name) => DAYS.indexOf(name) + 1 === on.dayOfWeek) === true
  return window.open.some((opening) => {
    const { from, to } = opening
    if (from < to) return isOn(opening, day) && minute >= from && minute < to
    const early = isOn(opening, day.subtract({ days: 1 })) && minute < to
    return early || (isOn(opening, day) && minute >= from)
  })
}

const anyOpening = fc
  .record({
    days: fc.subarray([...DAYS], { minLength: 1 }),
    from: fc.integer({ min: 0, max: 1439 }),
    to: fc.integer({ min: 0, max: 1440 }),
  })
  .filter(({ from, to }) => from !== to)

const anyWindow: fc.Arbitrary<Window> = fc.record({
  name: fc.constant('w'),
  zone: fc.constantFrom(
    'UTC',
    'Europe/Berlin',
    'America/New_York',
    'America/Santiago',
    'Australia/Lord_Howe',
    'America/St_Johns',
    'Asia/Kathmandu',
    'Pacific/Apia',
  ),
  open: fc.array(anyOpening, { minLength: 1, maxLength: 3 }),
  closedDays: fc.constantFrom(new Set<string>(), new Set(['2026-10-25', '2027-03-28'])),
  covers: fc.constant('everything' as const),
  atClose: fc.constant('end' as const),
})

/** Years with changes at odd hours in St. John's and a skipped day in Apia, and weeks around changes now. */
const anyInstant = fc.oneof(
  fc.integer({ min: Date.UTC(2010, 0), max: Date.UTC(2030, 0) }),
  ...[
    Date.UTC(2026, 9, 25, 1),
    Date.UTC(2027, 2, 28, 1),
    Date.UTC(2011, 11, 30),
    Date.UTC(2010, 10, 7, 2, 31),
  ].map((change) => fc.integer({ min: change - 86_400_000, max: change + 86_400_000 })),
)
