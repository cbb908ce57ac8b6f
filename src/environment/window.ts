import { Temporal } from 'temporal-polyfill'
import { z } from 'zod'
import { fields, refuse } from '../document/fields.ts'
import { slug } from '../document/text.ts'

/** In the order of ISO 8601: Monday is 1. */
export const DAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const
export const ORDINALS = ['first', 'second', 'third', 'fourth', 'last'] as const

const MINUTES_A_DAY = 1440

const clockTime = z.string().transform((text, context) => {
  const [, hours = '', minutes = ''] = /^([01][0-9]|2[0-4]):([0-5][0-9])$/.exec(text) ?? []
  const minute = Number(hours) * 60 + Number(minutes)
  if (hours !== '' && minute <= MINUTES_A_DAY) return minute
  const expected = 'a time of day from 00:00 to 24:00, in quotes'
  context.addIssue({ code: 'custom', message: 'not a time of day', params: { expected } })
  return z.NEVER
})

/** A day of the calendar that exists: `2027-02-29` does not. */
const calendarDay = z.string().refine(isCalendarDay, {
  message: 'not a day of the calendar',
  params: { expected: 'a day such as 2027-02-28' },
})

export function isCalendarDay(text: string): boolean {
  if (!/^[0-9]{4}-[0-9]{2}-[0-9]{2}$/.test(text)) return false
  return valid(() => Temporal.PlainDate.from(text, { overflow: 'reject' }))
}

/** An IANA name: an offset such as `+02:00` would be an hour off for half of the year. */
export const timeZone = z
  .string()
  .max(64)
  .refine((text) => /^[A-Za-z]/.test(text) && valid(() => zoneOf(text)), {
    message: 'not a time zone',
    params: { expected: 'an IANA name, such as Europe/Berlin or UTC' },
  })

function zoneOf(name: string): unknown {
  return Temporal.Instant.fromEpochMilliseconds(0).toZonedDateTimeISO(name)
}

function valid(read: () => unknown): boolean {
  try {
    read()
    return true
  } catch {
    return false
  }
}

/** What is told apart: a plan that only reads, and any other. */
const covers = z.enum(['changes', 'everything']).default('everything')

/** What becomes of live grants at the close: their end, or their own time. */
const atClose = z.enum(['end', 'finish']).default('end')

const opening = fields({
  /** Days on which it starts. */
  days: z.array(z.enum(DAYS)).min(1).max(7).optional(),
  /** Which of the month's: `days: [tue]` and `of_month: [second]` is the second Tuesday. */
  of_month: z.array(z.enum(ORDINALS)).min(1).max(5).optional(),
  /** Single days instead. */
  dates: z.array(calendarDay).min(1).max(400).optional(),
  from: clockTime,
  /** Not part of the opening any more. Before `from`, it is on the next day. */
  to: clockTime,
}).superRefine((value, context) => {
  if ((value.days === undefined) === (value.dates === undefined)) {
    refuse(context, 'an opening needs days', { expected: 'either days or dates' })
  }
  if (value.of_month !== undefined && value.days === undefined) {
    refuse(context, 'of_month has no days', { path: ['of_month'], expected: 'days beside it' })
  }
  if (value.from === value.to || value.from === MINUTES_A_DAY) {
    const expected = 'a later to, or an earlier one for the next day'
    refuse(context, 'the opening has no length', { path: ['to'], expected })
  }
})
export type Opening = z.infer<typeof opening>

/** When grants are given: wall-clock time of a zone, recurring. */
export const windowSchema = fields({
  zone: timeZone,
  open: z.array(opening).min(1, 'a window that never opens').max(50),
  /** Calendars on whose days it stays closed. */
  closed_on: z.array(slug).min(1).max(10).optional(),
  covers,
  at_close: atClose,
})

const localTime = z.string().refine(isLocalTime, {
  message: 'not a local time',
  params: { expected: 'a day and time without offset, such as 2026-12-20T18:00' },
})

function isLocalTime(text: string): boolean {
  if (!/^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}$/.test(text)) return false
  return valid(() => Temporal.PlainDateTime.from(text, { overflow: 'reject' }))
}

/** A time in which nothing is given, whatever the windows say. */
export const freezeSchema = fields({
  environments: z.array(slug).min(1).max(50),
  /** Only these scopes; all of them otherwise. */
  scopes: z.array(slug).min(1).max(100).optional(),
  /** Scopes that it leaves alone, such as the one for incidents. */
  except_scopes: z.array(slug).min(1).max(100).optional(),
  zone: timeZone,
  from: localTime,
  to: localTime,
  reason: z.string().min(10, 'a reason is a sentence').max(300),
  covers,
  at_close: atClose,
}).superRefine((value, context) => {
  if (freezeStart(value) < freezeEnd(value)) return
  refuse(context, 'the freeze ends before it starts', { path: ['to'], expected: 'a later time' })
})
type FreezeFields = Pick<z.infer<typeof freezeSchema>, 'zone' | 'from' | 'to'>

/** In ms since the epoch. A local time that is skipped or comes twice is read so that the freeze is longer. */
export function freezeStart({ zone, from }: FreezeFields): number {
  return instantOf(from, zone, 'earlier')
}

export function freezeEnd({ zone, to }: FreezeFields): number {
  return instantOf(to, zone, 'later')
}

function instantOf(text: string, zone: string, disambiguation: 'earlier' | 'later'): number {
  if (!isLocalTime(text) || !valid(() => zoneOf(zone))) return Number.NaN
  return Temporal.PlainDateTime.from(text).toZonedDateTime(zone, { disambiguation })
    .epochMilliseconds
}
