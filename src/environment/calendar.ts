import { readFile } from 'node:fs/promises'
import type { CalendarResponse, VEvent } from 'node-ical'
import { isCalendarDay } from './window.ts'

const MAX_BYTES = 1024 * 1024
/** Recurrences are followed this far; a calendar that a person keeps ends long before. */
const RANGE = { from: new Date(2000, 0, 1), to: new Date(2100, 0, 1) }
const MAX_DAYS = 10_000

/** Why an iCalendar file cannot be used, and what would be. */
export class CalendarError extends Error {
  readonly expected: string

  constructor(message: string, expected: string) {
    super(message)
    this.expected = expected
  }
}

/**
 * Reads the whole days that an iCalendar file (RFC 5545) lists, as `2026-12-25`. `file` is what
 * errors call it.
 */
export async function readCalendar(path: string, file = path): Promise<ReadonlySet<string>> {
  let bytes: Buffer
  try {
    bytes = await readFile(path)
  } catch {
    throw new CalendarError(`calendar ${file} cannot be read`, 'a readable iCalendar file')
  }
  if (bytes.length > MAX_BYTES) {
    throw new CalendarError(`calendar ${file} is too large`, `at most ${MAX_BYTES} bytes`)
  }
  return await parseCalendar(file, bytes)
}

/**
 * The same from its bytes. Strict where the parser is not: a day that does not exist would slide
 * into another one, and a file without days would silently close nothing.
 */
export async function parseCalendar(file: string, bytes: Uint8Array): Promise<ReadonlySet<string>> {
  const text = decode(file, bytes)
  refuseMissingDays(file, text)
  const ical = (await import('node-ical')).default
  const events = eventsOf(file, text, () => ical.sync.parseICS(text))
  const days = new Set<string>()
  for (const event of events) {
    if (event.datetype !== 'date') {
      const message = `calendar ${file}: event ${event.uid} is not for whole days`
      throw new CalendarError(message, 'DTSTART;VALUE=DATE:20261225')
    }
    for (const { start, end } of expanded(file, () => ical.expandRecurringEvent(event, RANGE))) {
      addDays(file, days, start, end)
    }
  }
  if (days.size === 0) {
    throw new CalendarError(`calendar ${file} has no days`, 'at least one VEVENT of a whole day')
  }
  return days
}

function decode(file: string, bytes: Uint8Array): string {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
    if (/^BEGIN:VCALENDAR\r?\n[\s\S]*\nEND:VCALENDAR\s*$/.test(text)) return text
  } catch {
    // The same words for every file that is something else.
  }
  throw new CalendarError(`${file} is not a calendar`, 'BEGIN:VCALENDAR … END:VCALENDAR in UTF-8')
}

/** The parser turns `20270229` into the first of March. */
function refuseMissingDays(file: string, text: string): void {
  const unfolded = text.replace(/\r?\n[ \t]/g, '')
  for (const [, list = ''] of unfolded.matchAll(
    /^[A-Z-]+;[^:\n]*VALUE=DATE(?:;[^:\n]*)?:(.*)$/gm,
  )) {
    for (const day of list.trim().split(',')) {
      const written = day.replace(/^([0-9]{4})([0-9]{2})([0-9]{2})$/, '$1-$2-$3')
      if (isCalendarDay(written)) continue
      const message = `calendar ${file}: ${JSON.stringify(day.slice(0, 20))} is not a day`
      throw new CalendarError(message, 'a day of the calendar, such as 20261225')
    }
  }
}

/** The parser keeps one event of each UID, and follows any recurrence for as long as it takes. */
function eventsOf(file: string, text: string, parse: () => CalendarResponse): VEvent[] {
  if (/^RRULE.*FREQ=(?!YEARLY|MONTHLY|WEEKLY|DAILY)/m.test(text)) {
    throw new CalendarError(`calendar ${file} recurs within a day`, 'FREQ=DAILY or rarer')
  }
  let events: VEvent[]
  try {
    events = Object.values(parse()).filter((each): each is VEvent => each?.type === 'VEVENT')
  } catch {
    throw new CalendarError(`calendar ${file} cannot be parsed`, 'iCalendar (RFC 5545)')
  }
  if (events.length !== [...text.matchAll(/^BEGIN:VEVENT\s*$/gm)].length) {
    throw new CalendarError(`calendar ${file}: events share a UID`, 'a UID of its own for each')
  }
  return events.filter(({ status }) => status !== 'CANCELLED')
}

/** The parser stops at a number of days of its own. */
function expanded<T>(file: string, expand: () => T): T {
  try {
    return expand()
  } catch {
    throw new CalendarError(`calendar ${file} has too many days`, `at most ${MAX_DAYS}`)
  }
}

/** DTEND is the first day that is not meant any more. */
function addDays(file: string, days: Set<string>, start: Date, end: Date): void {
  const day = new Date(start.getFullYear(), start.getMonth(), start.getDate(), 12)
  do {
    days.add(localDay(day))
    if (days.size > MAX_DAYS) {
      throw new CalendarError(`calendar ${file} has too many days`, `at most ${MAX_DAYS}`)
    }
    day.setDate(day.getDate() + 1)
  } while (localDay(day) < localDay(end))
}

/** The parser gives whole days as midnight in the zone of this process. */
function localDay(date: Date): string {
  const two = (number: number) => String(number).padStart(2, '0')
  const year = String(date.getFullYear()).padStart(4, '0')
  return `${year}-${two(date.getMonth() + 1)}-${two(date.getDate())}`
}
