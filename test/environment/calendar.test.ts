import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { parseCalendar, readCalendar } from '../../src/environment/calendar.ts'

interface Case {
  readonly it: string
  readonly lines: string
  readonly days?: readonly string[]
  readonly refused?: string
}

const cases: readonly Case[] = parse(
  readFileSync(join(import.meta.dirname, 'calendars.yaml'), 'utf8'),
)

const calendar = (lines: string) =>
  Buffer.from(
    `BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//x//x//EN\n${lines}END:VCALENDAR\n`.replaceAll(
      '\n',
      '\r\n',
    ),
  )

describe('a calendar', () => {
  const zone = process.env['TZ']
  afterEach(() => {
    if (zone === undefined) delete process.env['TZ']
    else process.env['TZ'] = zone
  })

  test.each(cases.map((each) => [each.it, each] as const))('with %s', async (_it, each) => {
    const parsed = parseCalendar('x.ics', calendar(each.lines))
    if (each.refused !== undefined) await expect(parsed).rejects.toThrow(each.refused)
    else expect([...(await parsed)]).toEqual(each.days)
  })

  test.each(['Pacific/Kiritimati', 'Asia/Tokyo', 'America/Sao_Paulo', 'Pacific/Niue'])(
    'says the same where the broker runs in %s',
    async (where) => {
      process.env['TZ'] = where
      for (const { lines, days } of cases.filter(({ days }) => days !== undefined)) {
        expect([...(await parseCalendar('x.ics', calendar(lines)))]).toEqual(days)
      }
    },
  )

  test.each([
    ['another kind of file', Buffer.from('<html>')],
    ['half a calendar', Buffer.from('BEGIN:VCALENDAR\r\nVERSION:2.0\r\n')],
    ['bytes that are not UTF-8', Buffer.from([0xff, 0xfe, 0x00])],
    ['nothing', Buffer.alloc(0)],
  ])('is not made of %s', async (_what, bytes) => {
    await expect(parseCalendar('x.ics', bytes)).rejects.toThrow('x.ics is not a calendar')
  })

  test('that is a directory cannot be read', async () => {
    await expect(readCalendar(import.meta.dirname)).rejects.toThrow('cannot be read')
  })
})
