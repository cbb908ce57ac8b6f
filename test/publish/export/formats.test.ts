import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { cloudevents } from '../../../src/publish/export/cloudevents.ts'
import { formatNamed } from '../../../src/publish/export/formats.ts'
import { jsonl } from '../../../src/publish/export/jsonl.ts'
import { ocsf } from '../../../src/publish/export/ocsf.ts'
import { allowed, denied, entries, id } from '../../ledger/entries.ts'
import { seededKey } from '../../ledger/seeded-key.ts'
import { eventOf, events } from './events.ts'

type Json = Record<string, unknown>
const read = (text: string): Json => JSON.parse(text)

describe.each(['jsonl', 'cloudevents', 'ocsf', 'dsse'] as const)('%s', (name) => {
  const format = formatNamed(name, name === 'dsse' ? seededKey(9) : undefined)

  test.each(events)('writes entry $index as the same single line every time', (event) => {
    const line = format.line(event)
    expect(line).toBe(format.line(event))
    expect(line).not.toContain('\n')
    expect(() => JSON.parse(line)).not.toThrow()
  })

  test('keeps a hostile intent inside its string', () => {
    const intent = '"},\n{"id":"1"\u2028\u0007'
    const line = format.line(eventOf(allowed(id(7), { intent })))
    expect(line).not.toContain('\n')
    expect(() => JSON.parse(line)).not.toThrow()
  })
})

test('an unsigned envelope is not written', () => {
  expect(() => formatNamed('dsse', undefined)).toThrow('dsse is signed')
})

test('a batch of JSON lines is one JSON text a line', () => {
  const body = jsonl.body(events.map((event) => jsonl.line(event)))
  expect(body.endsWith('\n')).toBe(true)
  const lines = body.trimEnd().split('\n').map(read)
  expect(lines.map(({ index }) => index)).toEqual(events.map(({ index }) => index))
})

describe('CloudEvents 1.0', () => {
  test('a batch is a JSON array of events with every required attribute', () => {
    const batch: Json[] = JSON.parse(cloudevents.body(events.map(cloudevents.line)))
    expect(batch).toHaveLength(events.length)
    for (const [at, event] of batch.entries()) {
      expect(event).toMatchObject({
        specversion: '1.0',
        id: String(at),
        source: 'https://broker.example/log',
        type: `credctl.${events[at]?.entry.kind}`,
        data: events[at]?.entry,
      })
      // Attribute names: lower-case letters and digits alone (§3.1).
      for (const name of Object.keys(event)) expect(name).toMatch(/^[a-z0-9]{1,20}$/)
    }
    expect(new Set(batch.map(({ source, id: each }) => `${source} ${each}`)).size).toBe(
      events.length,
    )
  })
})

describe('OCSF', () => {
  const schema = parse(readFileSync(join(import.meta.dirname, 'ocsf-1.8.0.yaml'), 'utf8'))
  const within = (event: Json, path: string) =>
    path.split('.').reduce<unknown>((value, name) => (value as Json | undefined)?.[name], event)

  test.each(events)('entry $index has what its class requires', (event) => {
    const line = read(ocsf.line(event))
    const rules = schema.classes[Number(line['class_uid'])]
    expect(rules).toBeDefined()
    expect(Object.keys(line)).toEqual(expect.arrayContaining(rules.required))
    expect(line['class_name']).toBe(rules.name)
    expect(line['category_uid']).toBe(schema.category_uid)
    expect(rules.activities).toContain(line['activity_id'])
    expect(line['type_uid']).toBe(Number(line['class_uid']) * 100 + Number(line['activity_id']))
    expect(schema.severity_id).toContain(line['severity_id'])
    expect(line['status']).toBe(schema.status[Number(line['status_id'])])
    expect(Number.isInteger(line['time'])).toBe(true)
    if (rules.just_one !== undefined) {
      expect(rules.just_one.filter((name: string) => name in line)).toHaveLength(1)
    }
  })

  test.each(events)('objects of entry $index have what they require', (event) => {
    const line = read(ocsf.line(event))
    for (const [path, { required, at_least_one: some }] of Object.entries<{
      required?: string[]
      at_least_one?: string[]
    }>(schema.objects)) {
      const value = within(line, path)
      if (value === undefined) continue
      const names = Object.keys(value as Json)
      expect(names, path).toEqual(expect.arrayContaining(required ?? []))
      if (some)
        expect(
          some.some((name) => names.includes(name)),
          path,
        ).toBe(true)
    }
  })

  test('tells what was allowed from what was denied and what failed', () => {
    const statusOf = (entry: Parameters<typeof eventOf>[0]) =>
      read(ocsf.line(eventOf(entry)))['status']
    expect(statusOf(entries.decided)).toBe('Success')
    expect(statusOf(denied(id(7)))).toBe('Failure')
    expect(statusOf(entries.failed)).toBe('Failure')
    expect(statusOf(entries.refused)).toBe('Failure')
    expect(statusOf(entries.minted)).toBe('Success')
  })

  test('carries the entry itself, and the hash that a receipt proves', () => {
    const event = eventOf(entries.decided, 41)
    const line = read(ocsf.line(event))
    expect(line['raw_data']).toBe(Buffer.from(event.bytes).toString())
    const sha256 = createHash('sha256').update(event.bytes).digest('hex')
    expect(line['raw_data_hash']).toEqual({ algorithm_id: 3, algorithm: 'SHA-256', value: sha256 })
    expect(line['metadata']).toMatchObject({ uid: 'broker.example/log#41', sequence: 41 })
  })
})
