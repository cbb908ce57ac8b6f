import { describe, expect, test } from 'vitest'
import { CredentialCache } from '../../src/client/credential-cache.ts'
import { CredctlError } from '../../src/errors.ts'

const MINUTE = 60_000

/** A cache under a clock of ours, over a broker whose next answers are a list. */
function world(...answers: (number | CredctlError)[]) {
  const clock = { now: 0 }
  let fetches = 0
  const cache = new CredentialCache(
    async () => {
      const answer = answers[Math.min(fetches, answers.length - 1)]
      fetches += 1
      if (typeof answer !== 'number') throw answer
      return { value: `credential ${fetches}`, expiresAt: answer }
    },
    () => clock.now,
  )
  return { cache, clock, fetches: () => fetches }
}

const away = new CredctlError('unavailable', 'no answer')

describe('a credential', () => {
  test('is fetched once until a minute before its expiry', async () => {
    const { cache, clock, fetches } = world(15 * MINUTE, 30 * MINUTE)
    for (clock.now = 0; clock.now < 14 * MINUTE; clock.now += MINUTE) {
      expect(await cache.get()).toBe('credential 1')
    }
    expect(fetches()).toBe(1)
    expect(await cache.get()).toBe('credential 2')
  })

  test('that lives as long as its grant is not fetched again and again at the end', async () => {
    const { cache, clock, fetches } = world(15 * MINUTE)
    await cache.get()
    for (clock.now = 14 * MINUTE; clock.now < 15 * MINUTE; clock.now += 1000) await cache.get()
    expect(fetches()).toBe(2)
  })

  test('is never given after its expiry, however long the machine slept', async () => {
    const ended = new CredctlError('grant_ended', 'the grant has ended')
    const { cache, clock } = world(15 * MINUTE, ended)
    await cache.get()
    clock.now = 15 * MINUTE
    await expect(cache.get()).rejects.toBe(ended)
  })

  test('is fetched once for callers that come at once, also when that fails', async () => {
    const { cache, fetches } = world(away, 15 * MINUTE)
    const first = await Promise.allSettled(Array.from({ length: 20 }, () => cache.get()))
    expect(new Set(first.map(({ status }) => status))).toEqual(new Set(['rejected']))
    expect(fetches()).toBe(1)
    expect(await cache.get()).toBe('credential 2')
  })
})

describe('a broker that is away', () => {
  test('is no failure while the credential lives, and is not asked at every call', async () => {
    const { cache, clock, fetches } = world(15 * MINUTE, away, away, 30 * MINUTE)
    await cache.get()
    clock.now = 14 * MINUTE
    expect(await cache.get()).toBe('credential 1')
    expect(await cache.get()).toBe('credential 1')
    expect(fetches()).toBe(2)
    clock.now += 5000
    expect(await cache.get()).toBe('credential 1')
    clock.now += 5000
    expect(await cache.get()).toBe('credential 4')
  })

  test('is one once it has expired', async () => {
    const { cache, clock } = world(15 * MINUTE, away)
    await cache.get()
    clock.now = 15 * MINUTE
    await expect(cache.get()).rejects.toBe(away)
  })
})

test.each(['grant_ended', 'access_denied', 'plan_changed', 'token_revoked'] as const)(
  'a broker that answers %s is believed at once: what was given works no more',
  async (code) => {
    const refusal = new CredctlError(code, 'no')
    const { cache, clock } = world(15 * MINUTE, refusal)
    await cache.get()
    clock.now = 14 * MINUTE
    await expect(cache.get()).rejects.toBe(refusal)
  },
)

test('what is forgotten is fetched anew', async () => {
  const { cache } = world(15 * MINUTE)
  await cache.get()
  cache.forget()
  expect(await cache.get()).toBe('credential 2')
})
