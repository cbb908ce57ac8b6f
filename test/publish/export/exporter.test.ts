import { describe, expect, test } from 'vitest'
import type { Cursor } from '../../../src/publish/export/export.ts'
import { Exporter, type ExporterParts } from '../../../src/publish/export/exporter.ts'
import { httpsSend } from '../../../src/publish/export/https.ts'
import { jsonl } from '../../../src/publish/export/jsonl.ts'
import { pump } from '../../../src/publish/export/pump.ts'
import { Secret } from '../../../src/secret/secret.ts'
import { allowed, at, catalogue, id, T0 } from '../../ledger/entries.ts'
import { writeLog } from '../../ledger/file-log.ts'
import { type Receiver, startReceiver } from './receiver.ts'

const log = (size: number) =>
  writeLog(
    Array.from({ length: size }, (_, index) =>
      index === 0 ? catalogue() : allowed(id(index), { time: at(index) }),
    ),
  )

class MemoryCursor implements Cursor {
  next = 0
  fails = 0
  held = true
  load = async () => (this.held ? this.next : undefined)
  position = async () => this.next
  save = async (next: number) => {
    if (this.fails > 0) {
      this.fails -= 1
      throw new Error('killed before the cursor was saved')
    }
    this.next = next
  }
}

const sendTo = (receiver: Receiver, more: Partial<Parameters<typeof httpsSend>[0]> = {}) =>
  httpsSend({
    url: receiver.url,
    timeoutMs: 2_000,
    stopped: new AbortController().signal,
    ...more,
  })

function exporter(parts: Partial<ExporterParts> & Pick<ExporterParts, 'send' | 'log'>) {
  const cursor = new MemoryCursor()
  const failures: string[] = []
  let now = T0 + 1_000_000
  const made = new Exporter({
    name: 'siem',
    format: jsonl,
    cursor,
    clock: { now: () => new Date(now) },
    onFailure: (_name, why) => failures.push(why),
    ...parts,
  })
  const wait = (ms: number) => {
    now += ms
  }
  return { made, cursor, failures, wait }
}

const upTo = (size: number) => Array.from({ length: size }, (_, index) => index)

describe('an export', () => {
  test('sends every entry once and in order while all goes well, over the border of bundles', async () => {
    const receiver = await startReceiver()
    const { made, cursor } = exporter({ send: sendTo(receiver), log: log(600) })
    await made.round()
    expect(receiver.indexes()).toEqual(upTo(600))
    expect(receiver.bodies.length).toBeGreaterThan(1)
    expect(cursor.next).toBe(600)
    await made.round()
    expect(receiver.indexes()).toHaveLength(600)
  })

  test('goes on in the middle of a bundle', async () => {
    const receiver = await startReceiver()
    const { made, cursor } = exporter({ send: sendTo(receiver), log: log(300) })
    cursor.next = 297
    await made.round()
    expect(receiver.indexes()).toEqual([297, 298, 299])
  })

  test('killed between sending and saving repeats the batch and leaves nothing out', async () => {
    const receiver = await startReceiver()
    const { made, cursor, wait } = exporter({ send: sendTo(receiver), log: log(5) })
    cursor.fails = 1
    await made.round()
    expect(cursor.next).toBe(0)
    wait(60_000)
    await made.round()
    expect(receiver.indexes()).toEqual([...upTo(5), ...upTo(5)])
    const [first, second] = receiver.bodies
    expect(second).toBe(first)
  })

  test('sends nothing while another broker holds it', async () => {
    const receiver = await startReceiver()
    const { made, cursor } = exporter({ send: sendTo(receiver), log: log(5) })
    cursor.held = false
    await made.round()
    expect(receiver.bodies).toEqual([])
    expect(made.lag.entries).toBe(5)
  })

  test('keeps batches small, also of large entries', async () => {
    const receiver = await startReceiver()
    const intent = 'x'.repeat(16_000)
    const large = Array.from({ length: 200 }, (_, n) => allowed(id(n + 1), { intent }))
    const { made } = exporter({ send: sendTo(receiver), log: writeLog(large) })
    await made.round()
    expect(receiver.indexes()).toEqual(upTo(200))
    for (const body of receiver.bodies) expect(body.length).toBeLessThanOrEqual(1024 * 1024)
  })

  test('sends an entry that is larger than a batch alone', async () => {
    const receiver = await startReceiver()
    const line = () => JSON.stringify({ index: 0, fill: 'x'.repeat(2 * 1024 * 1024) })
    const cursor = new MemoryCursor()
    const parts = { format: { ...jsonl, line }, cursor, send: sendTo(receiver) }
    expect(await pump(log(3), parts)).toEqual({ sent: 1, next: 1, size: 3 })
  })
})

describe('a receiver', () => {
  test.each([
    ['answers 500', 'busy', (response) => response.writeHead(500).end('no')],
    ['answers 429', 'busy', (response) => response.writeHead(429).end()],
    ['answers 400', 'refused', (response) => response.writeHead(400).end()],
    ['hangs up', 'unreachable', (response) => response.destroy()],
    [
      'sends us elsewhere',
      'redirected',
      (response) => response.writeHead(307, { location: 'http://127.0.0.1:1/' }).end(),
    ],
  ] satisfies [string, string, Receiver['answers'][number]][])(
    'that %s gets the same again later',
    async (_what, why, answer) => {
      const receiver = await startReceiver()
      const { made, cursor, failures, wait } = exporter({ send: sendTo(receiver), log: log(3) })
      receiver.answers.push(answer)
      await made.round()
      expect(failures).toEqual([why])
      expect(cursor.next).toBe(0)
      await made.round()
      expect(receiver.bodies, 'not at once').toHaveLength(1)
      wait(60_000)
      await made.round()
      expect(receiver.indexes()).toEqual([...upTo(3), ...upTo(3)])
      expect(cursor.next).toBe(3)
    },
  )

  test('that never answers is given up', async () => {
    const receiver = await startReceiver()
    receiver.answers.push(() => undefined)
    const { made, failures } = exporter({
      send: sendTo(receiver, { timeoutMs: 50 }),
      log: log(3),
    })
    await made.round()
    expect(failures).toEqual(['timeout'])
  })

  test('that answers without end is heard no further than its status', async () => {
    const receiver = await startReceiver()
    receiver.answers.push((response) => {
      response.writeHead(200)
      const more = () => {
        while (!response.destroyed && response.write('x'.repeat(65_536)));
        response.once('drain', more)
      }
      more()
    })
    const { made, cursor } = exporter({ send: sendTo(receiver), log: log(3) })
    await made.round()
    expect(cursor.next).toBe(3)
  })

  test('that hangs does not keep a broker from stopping', async () => {
    const receiver = await startReceiver()
    const stop = new AbortController()
    receiver.answers.push(() => stop.abort())
    const { made, failures } = exporter({
      send: sendTo(receiver, { timeoutMs: 3_600_000, stopped: stop.signal }),
      log: log(3),
    })
    await made.round()
    expect(failures).toEqual(['unreachable'])
  })

  test('gets the token with each batch, as it is by then', async () => {
    const receiver = await startReceiver()
    const tokens = ['first', 'second']
    const token = async () => new Secret(tokens.shift() ?? '')
    const { made } = exporter({ send: sendTo(receiver, { token }), log: log(300) })
    await made.round()
    expect(receiver.headers.map(({ authorization }) => authorization)).toEqual([
      'Bearer first',
      'Bearer second',
    ])
    expect(receiver.headers[0]?.['content-type']).toBe('application/x-ndjson')
  })
})

describe('the lag', () => {
  test('is the age of the oldest entry that the receiver does not have', async () => {
    const receiver = await startReceiver()
    const { made, cursor } = exporter({ send: sendTo(receiver), log: log(5) })
    cursor.next = 2
    receiver.answers.push((response) => response.writeHead(500).end())
    await made.round()
    expect(made.lag).toEqual({ entries: 3, since: new Date(at(2)) })
  })

  test('is nothing once all is sent', async () => {
    const receiver = await startReceiver()
    const { made } = exporter({ send: sendTo(receiver), log: log(5) })
    await made.round()
    expect(made.lag).toEqual({ entries: 0, since: undefined })
  })

  test('stays known while the log cannot be read', async () => {
    const receiver = await startReceiver()
    const reader = log(5)
    const { made, cursor, failures } = exporter({ send: sendTo(receiver), log: reader })
    cursor.held = false
    await made.round()
    reader.files.clear()
    await made.round()
    expect(failures.length).toBeGreaterThan(0)
    expect(made.lag.entries).toBe(5)
  })
})
