import { pino } from 'pino'
import { describe, expect, test } from 'vitest'
import { createApp } from '../../src/api/app.ts'
import { createGate } from '../../src/api/back-pressure.ts'
import type { ApiParts } from '../../src/api/parts.ts'
import { createRateLimits } from '../../src/api/rate-limits.ts'
import { systemClock, systemRandom } from '../../src/clock.ts'
import type { Ask } from '../../src/decision/evaluate.ts'
import { CredctlError, isCredctlError } from '../../src/errors.ts'
import { createMetrics } from '../../src/metrics.ts'
import { form, TASK } from './world.ts'

const URL = 'https://broker.example.com'
const CALLER = { class: 'agent', roles: [], issuer: 'agents', subject: 'a', claims: {}, token: 'x' }

describe('a gate', () => {
  /** Work that is done when told to. */
  function work() {
    const { promise, resolve, reject } = Promise.withResolvers<string>()
    return { run: () => promise, done: () => resolve('done'), fail: () => reject(new Error('no')) }
  }
  const waitOf = (gate: ReturnType<typeof createGate>) =>
    gate
      .pass(async () => 'let in')
      .catch((error: unknown) => {
        if (isCredctlError(error, 'unavailable')) return error.retryAfter
        throw error
      })

  test('lets in so many at once, and another one for each that is done or has failed', async () => {
    const gate = createGate(2)
    const [first, second] = [work(), work()]
    const running = [gate.pass(first.run), gate.pass(second.run)]
    expect(await waitOf(gate)).toBe(1)
    first.done()
    await running[0]
    expect(await waitOf(gate)).toBe('let in')
    second.fail()
    await expect(running[1]).rejects.toThrow('no')
    const again = [work(), work()]
    const both = again.map(({ run }) => gate.pass(run))
    expect(await waitOf(gate)).toBe(1)
    for (const { done } of again) done()
    await Promise.all(both)
  })

  test('refuses without beginning the work', async () => {
    const gate = createGate(1)
    const first = work()
    const running = gate.pass(first.run)
    let begun = false
    await gate
      .pass(async () => {
        begun = true
      })
      .catch(() => undefined)
    expect(begun).toBe(false)
    first.done()
    await running
  })

  test('says how long the work at hand takes at the pace of what was done', async () => {
    let time = 0
    const gate = createGate(100, () => time)
    const all = Array.from({ length: 400 }, work)
    const running: Promise<string>[] = []
    for (const { run } of all.slice(0, 100)) running.push(gate.pass(run))
    // One every 50 ms, and another in its place: a hundred of them are five seconds of work.
    for (const [at, { done }] of all.slice(0, 300).entries()) {
      time += 50
      done()
      await running[at]
      running.push(gate.pass(all[at + 100]?.run ?? work().run))
    }
    expect(await waitOf(gate)).toBe(5)
    for (const { done } of all) done()
    await Promise.all(running)
  })

  test('says to wait longer while nothing is done, and never longer than half a minute', async () => {
    let time = 1_000_000
    const gate = createGate(3, () => time)
    time += 86_400_000
    const stuck = work()
    const running = [gate.pass(stuck.run), gate.pass(stuck.run), gate.pass(stuck.run)]
    const waits: unknown[] = []
    for (const passed of [0, 4_000, 10_000, 600_000]) {
      time += passed
      waits.push(await waitOf(gate))
    }
    expect(waits).toEqual([1, 4, 14, 30])
    stuck.done()
    await Promise.all(running)
  })
})

describe('a broker whose ledger does not move', () => {
  const BURST = 2_000
  const PLACES = 512

  /** The whole HTTP face in front of a ledger that answers nothing until it is told to. */
  function stuckBroker() {
    const moved = Promise.withResolvers<never>()
    const asked: string[] = []
    const requestGrant = (_caller: unknown, { intent }: Ask) => {
      asked.push(intent)
      return moved.promise
    }
    const verifier = { verify: async () => CALLER }
    const parts = { url: URL, broker: { requestGrant }, verifier, limits: createRateLimits() }
    const surroundings = {
      logger: pino({ level: 'silent' }),
      clock: systemClock,
      random: systemRandom,
    }
    const app = createApp({
      ...parts,
      ...surroundings,
      metrics: createMetrics(),
    } as unknown as ApiParts)
    const ask = (intent: string) =>
      app.request('/token', {
        method: 'POST',
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
        body: form('a token', { ...TASK, intent }),
      })
    return { app, ask, asked, fail: moved.reject }
  }

  test('takes on so many of a burst, refuses the rest with the time to wait, and goes on', async () => {
    const { app, ask, asked, fail } = stuckBroker()
    const answered: Response[] = []
    const burst = Array.from({ length: BURST }, async (_, number) => {
      const answer = await ask(`number ${number}`)
      answered.push(answer)
      return answer
    })
    // The ledger answers nothing: all that is answered was refused at the door.
    await expect.poll(() => asked.length + answered.length, { timeout: 15_000 }).toBe(BURST)
    expect(asked).toHaveLength(PLACES)
    const refused = [...answered]
    for (const { status, headers } of refused) {
      expect(status).toBe(503)
      expect(Number(headers.get('retry-after'))).toBeGreaterThanOrEqual(1)
    }
    const error = { error: 'temporarily_unavailable', code: 'unavailable' }
    expect(await refused[0]?.json()).toMatchObject(error)
    // What does not ask for a grant is answered all the while.
    expect((await app.request('/healthz')).status).toBe(200)

    fail(new CredctlError('ledger_unavailable', 'the ledger cannot be reached'))
    const answers = await Promise.all(burst)
    expect(answers.every(({ status }) => status === 503)).toBe(true)
    expect((await ask('once more')).status).toBe(503)
    expect(asked).toHaveLength(PLACES + 1)
  })

  test('lets nobody take up a place who only sends slowly', async () => {
    const { app, ask, asked, fail } = stuckBroker()
    const never = () => new ReadableStream({ pull: () => new Promise(() => undefined) })
    for (let number = 0; number < PLACES; number += 1) {
      const headers = { 'content-type': 'application/x-www-form-urlencoded' }
      void app.request('/token', {
        method: 'POST',
        headers,
        body: never(),
        duplex: 'half',
      } as RequestInit)
    }
    const answer = ask('in earnest')
    await expect.poll(() => asked).toEqual(['in earnest'])
    fail(new CredctlError('ledger_unavailable', 'the ledger cannot be reached'))
    expect((await answer).status).toBe(503)
  })
})
