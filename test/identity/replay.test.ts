import { afterAll, describe, expect, test } from 'vitest'
import { MemoryReplayStore } from '../../src/identity/replay.ts'
import { createVerifier } from '../../src/identity/verify.ts'
import { sign, signingKey, startIssuer } from '../support/issuer.ts'
import { goodClaims, issuerConfig, NOW, refusal } from './support.ts'

const key = await signingKey()
const issuer = await startIssuer(key)
afterAll(() => issuer[Symbol.asyncDispose]())

const clock = { now: () => NOW }

function verifier(replay: 'once' | 'allowed', store = new MemoryReplayStore(clock)) {
  const config = issuerConfig(issuer.url, { replay })
  return createVerifier({ ci: config }, { clock, replay: store })
}

describe('a token of a single-use issuer', () => {
  test('is spent by one request for a grant, even among a hundred at once', async () => {
    const once = verifier('once')
    const token = sign(key, goodClaims(issuer.url))
    const outcomes = await Promise.all(
      Array.from({ length: 100 }, () => refusal(once.verify(token, { spend: true }))),
    )
    expect(outcomes.filter((outcome) => outcome === 'accepted')).toHaveLength(1)
    expect(outcomes.filter((outcome) => outcome === 'token_replayed')).toHaveLength(99)
  })

  test('is spent for every replica that shares the store', async () => {
    const store = new MemoryReplayStore(clock)
    const token = sign(key, goodClaims(issuer.url))
    expect(await refusal(verifier('once', store).verify(token, { spend: true }))).toBe('accepted')
    expect(await refusal(verifier('once', store).verify(token, { spend: true }))).toBe(
      'token_replayed',
    )
  })

  test('cannot be freshened by another signature over the same id', async () => {
    const once = verifier('once')
    const claims = goodClaims(issuer.url)
    expect(await refusal(once.verify(sign(key, claims), { spend: true }))).toBe('accepted')
    const again = sign(key, claims, { extra: 'x' })
    expect(await refusal(once.verify(again, { spend: true }))).toBe('token_replayed')
  })

  test('may be looked at any number of times', async () => {
    const once = verifier('once')
    const token = sign(key, goodClaims(issuer.url))
    for (let index = 0; index < 3; index += 1) {
      expect(await refusal(once.verify(token))).toBe('accepted')
    }
  })

  test.each([undefined, '', 7, ['a']])('needs an id, not %j', async (jti) => {
    const token = sign(key, { ...goodClaims(issuer.url), jti })
    expect(await refusal(verifier('once').verify(token, { spend: true }))).toBe(
      'token_claim_missing',
    )
  })

  test('is not spent by a request that is refused', async () => {
    const once = verifier('once')
    const claims = goodClaims(issuer.url)
    const other = sign(key, { ...claims, repository_id: '99' })
    expect(await refusal(once.verify(other, { spend: true }))).toBe('caller_unclassified')
    expect(await refusal(once.verify(sign(key, claims), { spend: true }))).toBe('accepted')
  })
})

test('where replay is allowed, as for cached SVIDs, a token works again and needs no id', async () => {
  const many = verifier('allowed')
  const token = sign(key, { ...goodClaims(issuer.url), jti: undefined })
  expect(await refusal(many.verify(token, { spend: true }))).toBe('accepted')
  expect(await refusal(many.verify(token, { spend: true }))).toBe('accepted')
})

describe('the store in memory', () => {
  const until = new Date(NOW.getTime() + 1000)

  test('keeps ids of different owners apart, also where their texts run together', async () => {
    const store = new MemoryReplayStore(clock)
    expect(await store.firstUse({ owner: 'a', id: 'b:c', until })).toBe(true)
    expect(await store.firstUse({ owner: 'a:b', id: 'c', until })).toBe(true)
    expect(await store.firstUse({ owner: 'a', id: 'b:c', until })).toBe(false)
  })

  test('forgets only what has expired, and refuses when it is full of the living', async () => {
    let now = NOW.getTime()
    const store = new MemoryReplayStore({ now: () => new Date(now) }, 2)
    await store.firstUse({ owner: 'a', id: '1', until })
    await store.firstUse({ owner: 'a', id: '2', until })
    expect(await refusal(store.firstUse({ owner: 'a', id: '3', until }))).toBe('unavailable')
    expect(await store.firstUse({ owner: 'a', id: '1', until })).toBe(false)
    now += 1001
    expect(await store.firstUse({ owner: 'a', id: '3', until })).toBe(true)
  })
})
