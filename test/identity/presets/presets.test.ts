import { readFileSync } from 'node:fs'
import { beforeAll, describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { createVerifier } from '../../../src/identity/verify.ts'
import { type SigningKey, sign, signingKey } from '../../support/issuer.ts'
import { AUDIENCE, issuerConfig, NOW, refusal } from '../support.ts'

interface Case {
  readonly name: string
  readonly claims?: Record<string, unknown>
  readonly nested?: Record<string, unknown>
  readonly raw?: Record<string, unknown>
  readonly header?: Record<string, unknown>
  readonly rules?: unknown
  readonly alg?: 'RS256' | 'ES256'
  readonly use?: string | null
  readonly lifetime?: number
  readonly class?: string
  readonly roles?: string[]
  readonly code?: string
  readonly spend?: string
}

interface Kind {
  readonly kind: string
  readonly issuer: string
  readonly alg: 'RS256' | 'ES256'
  readonly use?: string
  readonly rules: unknown
  readonly token: Record<string, unknown>
  readonly cases: readonly Case[]
}

const kinds: Kind[] = parse(readFileSync(new URL('./cases.yaml', import.meta.url), 'utf8'))
const keys = new Map<string, SigningKey>()

beforeAll(async () => {
  for (const alg of ['RS256', 'ES256'] as const) keys.set(alg, await signingKey(alg))
})

describe.each(kinds)('$kind:', (kind) => {
  test.each(kind.cases)('$name', async (example) => {
    const { verifier, token } = setup(kind, example)
    if (example.code !== undefined) {
      expect(await refusal(verifier.verify(token))).toBe(example.code)
      return
    }
    expect(await verifier.verify(token)).toMatchObject({
      class: example.class,
      roles: example.roles ?? [],
    })
    if (example.spend !== undefined) {
      expect(await refusal(verifier.verify(token, { spend: true }))).toBe(example.spend)
    }
  })
})

function setup(kind: Kind, example: Case) {
  const key = keys.get(example.alg ?? kind.alg)!
  const config = issuerConfig(kind.issuer, {
    kind: kind.kind,
    jwks_url: 'https://keys.example.com/jwks',
    callers: example.rules ?? kind.rules,
  })
  const use = example.use === undefined ? (kind.use ?? 'sig') : (example.use ?? undefined)
  const keySet = { keys: [{ ...key.jwk, ...(use === undefined ? { use: undefined } : { use }) }] }
  const verifier = createVerifier(
    { issuer: config },
    { clock: { now: () => NOW }, fetch: async () => Response.json(keySet) },
  )
  return { verifier, token: sign(key, payload(kind, example), defined(example.header ?? {})) }
}

/** A null in the file takes a member away. */
function defined(members: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(members).map(([name, value]) => [name, value ?? undefined]),
  )
}

function payload(kind: Kind, example: Case): Record<string, unknown> {
  const iat = NOW.getTime() / 1000 - 10
  const claims = {
    iss: kind.issuer,
    aud: AUDIENCE,
    iat,
    exp: iat + (example.lifetime ?? 300),
    ...kind.token,
    ...example.claims,
    ...example.nested,
  }
  const kept = Object.entries(claims).filter(([, value]) => value !== null)
  return {
    ...Object.fromEntries(kept.map(([name, value]) => [name, atNow(value)])),
    ...example.raw,
  }
}

function atNow(value: unknown): unknown {
  const match = typeof value === 'string' ? /^now(-\d+)$/.exec(value) : null
  return match ? NOW.getTime() / 1000 + Number(match[1]) : value
}

test('what an AWS caller wrote into its own token is not among its claims', async () => {
  const kind = kinds.find((each) => each.kind === 'aws')!
  const { verifier, token } = setup(kind, { name: 'tags' })
  const names = Object.keys((await verifier.verify(token)).claims)
  expect(names).toContain('https://sts.amazonaws.com//principal_tags/team')
  expect(names.filter((name) => name.includes('request_tags'))).toEqual([])
})
