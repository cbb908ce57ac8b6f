import { beforeEach, describe, expect, test } from 'vitest'
import { CredentialCache } from '../../src/mint/cache.ts'
import type { Minted } from '../../src/mint/mint.ts'
import { Secret } from '../../src/secret/secret.ts'

const START = Date.parse('2026-11-20T12:00:00Z')
let now: number
let cache: CredentialCache
let minted: number

beforeEach(() => {
  now = START
  minted = 0
  cache = new CredentialCache({ now: () => new Date(now) })
})

const grant = { id: 'grant-1', expiresAt: new Date(START + 900_000) }

function credential(livesFor: number): Minted {
  minted += 1
  const body = { AccessKeyId: `AKID${minted}`, SecretAccessKey: 'x', Token: 'x', Expiration: 'x' }
  const expiresAt = new Date(now + livesFor)
  return { credential: new Secret(body), fingerprint: 'sha256:0', expiresAt, facts: {} }
}

const short = async () => credential(60_000)

describe('the credential of a grant and target', () => {
  test('is the same until it expires, to the millisecond', async () => {
    const first = await cache.get(grant, 'db', short)
    now += 59_999
    expect(await cache.get(grant, 'db', short)).toBe(first)
    now += 1
    expect(await cache.get(grant, 'db', short)).not.toBe(first)
    expect(minted).toBe(2)
  })

  test('is nobody else’s: another target or grant has its own', async () => {
    const first = await cache.get(grant, 'db', short)
    expect(await cache.get(grant, 'other', short)).not.toBe(first)
    expect(await cache.get({ ...grant, id: 'grant-2' }, 'db', short)).not.toBe(first)
    for (const name of ['constructor', '__proto__', 'db\0', '']) {
      expect(await cache.get(grant, name, short)).not.toBe(first)
    }
  })

  test('is minted once for all who wait, also for those who come while an old one expires', async () => {
    const all = await Promise.all(Array.from({ length: 5 }, () => cache.get(grant, 'db', short)))
    expect(new Set(all).size).toBe(1)
    now += 60_000
    const next = await Promise.all(Array.from({ length: 5 }, () => cache.get(grant, 'db', short)))
    expect(new Set(next).size).toBe(1)
    expect(minted).toBe(2)
  })

  test('is tried again after a failure that all who waited share', async () => {
    let tries = 0
    const failing = async () => {
      tries += 1
      throw new Error('down')
    }
    const waiting = await Promise.allSettled([1, 2, 3].map(() => cache.get(grant, 'db', failing)))
    expect(waiting.map(({ status }) => status)).toEqual(Array(3).fill('rejected'))
    expect(tries).toBe(1)
    expect(await cache.get(grant, 'db', short)).toBeDefined()
  })

  test('is forgotten with its grant, also one that is still being made', async () => {
    const { promise, resolve } = Promise.withResolvers<Minted>()
    const waiting = cache.get(grant, 'db', () => promise)
    cache.forget(grant.id)
    const after = await cache.get(grant, 'db', short)
    const late = credential(60_000)
    resolve(late)
    expect(await waiting).toBe(late)
    expect(await cache.get(grant, 'db', short)).toBe(after)
  })

  test('is dropped from memory when its grant is past its time', async () => {
    await cache.get(grant, 'db', async () => credential(3_600_000))
    now = grant.expiresAt.getTime() - 1
    cache.prune()
    await cache.get(grant, 'db', short)
    expect(minted).toBe(1)
    now += 1
    cache.prune()
    await cache.get(grant, 'db', short)
    expect(minted).toBe(2)
  })
})
