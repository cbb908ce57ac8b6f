import { readFileSync } from 'node:fs'
import { afterAll, describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { createVerifier } from '../../src/identity/verify.ts'
import { compact, publicPem, type Signature, signingKey, startIssuer } from '../support/issuer.ts'
import { goodClaims, issuerConfig, NOW, refusal } from './support.ts'

interface Case {
  readonly name: string
  readonly code: string
  readonly asks?: boolean
  readonly header?: Record<string, unknown>
  readonly claims?: Record<string, unknown>
  readonly raw_claims?: Record<string, unknown>
  readonly raw_header?: string
  readonly raw_payload?: string
  readonly signature?: string
  readonly token?: string
  readonly issuer?: Record<string, unknown>
  readonly pad?: number
  readonly nest?: number
  readonly many?: number
}

const cases: Case[] = parse(readFileSync(new URL('./hostile-tokens.yaml', import.meta.url), 'utf8'))

const key = await signingKey()
const stranger = await signingKey('ES256', key.kid)
const issuer = await startIssuer(key)
afterAll(() => issuer[Symbol.asyncDispose]())

test('there are at least a hundred hostile tokens, and no two share a name', () => {
  expect(cases.length).toBeGreaterThanOrEqual(100)
  expect(new Set(cases.map(({ name }) => name)).size).toBe(cases.length)
})

test('the token that every case starts from is accepted', async () => {
  const outcome = await attempt({ name: 'good', code: '' })
  expect(outcome).toEqual({ code: 'accepted', asked: true })
})

describe('is refused:', () => {
  test.each(cases)('$name', async (hostile) => {
    const outcome = await attempt(hostile)
    expect(outcome).toEqual({ code: hostile.code, asked: hostile.asks ?? false })
  })
})

async function attempt(hostile: Case): Promise<{ code: string; asked: boolean }> {
  const before = issuer.requests.length
  const config = issuerConfig(issuer.url, hostile.issuer ?? {})
  const verifier = createVerifier({ ci: config }, { clock: { now: () => NOW } })
  const code = await refusal(verifier.verify(build(hostile)))
  return { code, asked: issuer.requests.length > before }
}

function build(hostile: Case): string {
  const header = merge({ alg: 'ES256', kid: key.kid, typ: 'JWT' }, hostile.header ?? {})
  const claims = {
    ...merge(goodClaims(issuer.url), hostile.claims ?? {}),
    ...hostile.raw_claims,
    ...bulk(hostile),
  }
  const token = compact(
    fill(hostile.raw_header ?? JSON.stringify(header)),
    fill(hostile.raw_payload ?? JSON.stringify(claims)),
    signatureOf(hostile.signature ?? 'good'),
  )
  const [head = '', payload = '', signature = ''] = token.split('.')
  return (hostile.token ?? token)
    .replaceAll('<header>', head)
    .replaceAll('<payload>', payload)
    .replaceAll('<signature>', signature)
}

function merge(base: Record<string, unknown>, over: Record<string, unknown>) {
  const entries = Object.entries({ ...base, ...over }).filter(([, value]) => value !== null)
  return Object.fromEntries(entries.map(([name, value]) => [name, atNow(value)]))
}

function atNow(value: unknown): unknown {
  const [, offset] = typeof value === 'string' ? (/^now([+-]\d+)?$/.exec(value) ?? []) : []
  return value === 'now' || offset !== undefined
    ? NOW.getTime() / 1000 + Number(offset ?? 0)
    : value
}

function bulk({ pad, nest, many }: Case): Record<string, unknown> {
  const deep = Array.from({ length: nest ?? 0 }).reduce<unknown>((inner) => ({ d: inner }), 1)
  const names = Array.from({ length: many ?? 0 }, (_, index) => [`claim_${index}`, index])
  return {
    ...(pad === undefined ? {} : { pad: 'x'.repeat(pad) }),
    ...(nest === undefined ? {} : { deep }),
    ...Object.fromEntries(names),
  }
}

/** The payload of a good token without its braces and without the id that rules look at. */
function goodMembers(): string {
  const { repository_id: _, ...rest } = goodClaims(issuer.url)
  return JSON.stringify(rest).slice(1, -1)
}

function fill(text: string): string {
  return text
    .replaceAll('<iss>', issuer.url)
    .replaceAll('<ISS>', issuer.url.toUpperCase())
    .replaceAll('<kid>', key.kid)
    .replaceAll('<long>', 'x'.repeat(2000))
    .replaceAll('<good>', goodMembers())
}

function signatureOf(how: string): Signature {
  if (how === 'good') return { key }
  if (how === 'other') return { key: stranger }
  if (how === 'hmac') return { hmac: publicPem(key) }
  return { text: how === 'empty' ? '' : how }
}
