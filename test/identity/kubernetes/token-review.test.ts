import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import type { RequestListener } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { checkIssuers } from '../../../src/identity/health.ts'
import type { VerifierOptions } from '../../../src/identity/verify.ts'
import { createVerifier } from '../../../src/identity/verify.ts'
import { Secret } from '../../../src/secret/secret.ts'
import { json, type SigningKey, sign, signingKey } from '../../support/issuer.ts'
import { AUDIENCE, goodClaims, issuerConfig, NOW, refusal } from '../support.ts'
import { type ApiServer, REVIEWER, startApiServer } from './api-server.ts'

const ISSUER = 'https://oidc.cluster.example.com'
const ACCOUNT = '7a1d4b0c-2c7f-4d1e-9a57-0f4d2b6f8a11'
const POD = '5e0f9d4b-8c7a-4b6e-9d8f-7a6b5c4d3e2f'

let key: SigningKey
let cluster: ApiServer
beforeAll(async () => {
  key = await signingKey('RS256')
  cluster = await startApiServer()
})
afterEach(() => {
  cluster.answer = undefined
  cluster.pods.clear()
  cluster.reviews.length = 0
})
afterAll(async () => {
  await cluster?.close()
})

function token(by: SigningKey = key): string {
  return sign(by, {
    ...goodClaims(ISSUER),
    sub: 'system:serviceaccount:orders:backfill',
    'kubernetes.io': {
      namespace: 'orders',
      pod: { name: 'backfill-6d9f-x2x', uid: POD },
      serviceaccount: { name: 'backfill', uid: ACCOUNT },
    },
  })
}

const values: Record<string, string> = { 'env:REVIEWER': REVIEWER }

function verifierOf(place: object = {}, options: Partial<VerifierOptions> = {}) {
  const config = issuerConfig(ISSUER, {
    kind: 'kubernetes',
    jwks_url: `${ISSUER}/openid/v1/jwks`,
    callers: [{ class: 'workload', claims: { 'kubernetes.io/serviceaccount/uid': ACCOUNT } }],
    token_review: { api_server: cluster.url, token: 'env:REVIEWER', ...place },
  })
  return createVerifier(
    { cluster: config },
    {
      clock: { now: () => NOW },
      fetch: async () => Response.json({ keys: [key.jwk] }),
      resolve: async (reference) => new Secret(values[reference] ?? ''),
      ...options,
    },
  )
}

describe('a token of a pod', () => {
  test('that runs is accepted, for our audience', async () => {
    cluster.pods.add(POD)
    expect(await verifierOf().verify(token())).toMatchObject({ class: 'workload' })
    expect(cluster.reviews).toEqual([
      {
        apiVersion: 'authentication.k8s.io/v1',
        kind: 'TokenReview',
        spec: { token: token(), audiences: [AUDIENCE] },
      },
    ])
  })

  test('that was deleted is refused, from one request to the next', async () => {
    cluster.pods.add(POD)
    const verifier = verifierOf()
    await verifier.verify(token())
    cluster.pods.delete(POD)
    expect(await refusal(verifier.verify(token()))).toBe('token_revoked')
  })

  test('is shown to the cluster only after its signature was verified here', async () => {
    cluster.pods.add(POD)
    const forged = token(await signingKey('RS256', key.kid))
    expect(await refusal(verifierOf().verify(forged))).toBe('token_signature_invalid')
    expect(cluster.reviews).toEqual([])
  })

  test('of an account that no rule names is not worth a question', async () => {
    cluster.pods.add(POD)
    const callers = [{ class: 'workload', claims: { 'kubernetes.io/serviceaccount/uid': 'other' } }]
    const config = issuerConfig(ISSUER, {
      kind: 'kubernetes',
      jwks_url: `${ISSUER}/jwks`,
      callers,
      token_review: { api_server: cluster.url, token: 'env:REVIEWER' },
    })
    const verifier = createVerifier(
      { cluster: config },
      { clock: { now: () => NOW }, fetch: async () => Response.json({ keys: [key.jwk] }) },
    )
    expect(await refusal(verifier.verify(token()))).toBe('caller_unclassified')
    expect(cluster.reviews).toEqual([])
  })
})

const review = (status: object) => json({ kind: 'TokenReview', status }, 201)
const user = { username: 'system:serviceaccount:orders:backfill', uid: ACCOUNT }
const yes = { authenticated: true, audiences: [AUDIENCE], user }

describe('an answer of the cluster', () => {
  test('that says yes in all its parts is a yes', async () => {
    cluster.answer = review(yes)
    expect(await verifierOf().verify(token())).toMatchObject({ class: 'workload' })
  })

  const noes: [string, object][] = [
    ['says no', { authenticated: false }],
    ['says nothing', {}],
    ['says yes in words', { ...yes, authenticated: 'true' }],
    ['says yes with an error', { ...yes, error: 'unknown' }],
    ['is about no audience, as of a server that ignores them', { ...yes, audiences: undefined }],
    ['is about another audience', { ...yes, audiences: ['https://kubernetes.default.svc'] }],
    ['is about another account', { ...yes, user: { ...user, username: 'system:admin' } }],
    ['is about an account made again', { ...yes, user: { ...user, uid: 'other' } }],
    ['is about nobody', { ...yes, user: {} }],
  ]
  test.each(noes)('that %s is a no', async (_what, status) => {
    cluster.answer = review(status)
    expect(await refusal(verifierOf().verify(token()))).toBe('token_revoked')
  })

  const unclear: [string, RequestListener][] = [
    ['is an error', json({ kind: 'Status', status: 'Failure' }, 500)],
    ['refuses the broker', json({ kind: 'Status' }, 403)],
    [
      'is a redirect to a yes',
      (_request, response) => response.writeHead(307, { location: '/' }).end(),
    ],
    ['is no JSON', (_request, response) => response.writeHead(201).end('<html>')],
    ['is another document', json({ kind: 'SubjectAccessReview', status: yes }, 201)],
    [
      'names the status twice',
      (_request, response) =>
        response
          .writeHead(201)
          .end(`{"kind":"TokenReview","status":{},"status":${JSON.stringify(yes)}}`),
    ],
    ['never ends', (_request, response) => void response.writeHead(201).write('{')],
    [
      'is larger than any answer',
      (_request, response) => response.writeHead(201).end(' '.repeat(70_000)),
    ],
    ['breaks off', (_request, response) => void response.destroy()],
  ]
  test.each(unclear)('that %s is no answer, and no answer is no', async (_what, answer) => {
    cluster.answer = answer
    const attempt = verifierOf({}, { timeoutMs: 300 }).verify(token())
    await expect(attempt).rejects.toMatchObject({
      code: 'unavailable',
      message: 'the cluster did not say whether the token is good',
    })
  })
})

describe('what the broker needs to ask', () => {
  test.each([
    ['a cluster that is there', { api_server: 'http://127.0.0.1:9' }, {}],
    ['a token that the cluster knows', { token: 'env:OTHER' }, {}],
    ['somebody who resolves references', {}, { resolve: undefined }],
  ])('is %s; without it nobody comes in', async (_what, place, { ...options }) => {
    cluster.pods.add(POD)
    const verifier = verifierOf(place, options as Partial<VerifierOptions>)
    expect(await refusal(verifier.verify(token()))).toBe('unavailable')
  })

  test('is of kind kubernetes', () => {
    const review = { api_server: 'https://cluster.test', token: 'env:REVIEWER' }
    expect(() => issuerConfig(ISSUER, { token_review: review })).toThrow(
      'kind oidc has no TokenReview',
    )
  })
})

describe('the health of the issuer', () => {
  async function problems(place: object = {}): Promise<readonly string[]> {
    const config = issuerConfig(ISSUER, {
      kind: 'kubernetes',
      jwks_url: `${ISSUER}/jwks`,
      callers: [{ class: 'workload', claims: { 'kubernetes.io/serviceaccount/uid': ACCOUNT } }],
      token_review: { api_server: cluster.url, token: 'env:REVIEWER', ...place },
    })
    const [health] = await checkIssuers(
      { cluster: config },
      {
        clock: { now: () => new Date() },
        fetch: async () => Response.json({ keys: [key.jwk] }),
        resolve: async (reference) => new Secret(values[reference] ?? ''),
      },
    )
    return health?.problems ?? []
  }

  test('is good when the cluster says no to what is no token', async () => {
    expect(await problems()).toEqual([])
    expect(cluster.reviews).toHaveLength(1)
  })

  test('tells why the cluster cannot be asked', async () => {
    expect(await problems({ token: 'env:OTHER' })).toEqual([
      'the cluster did not say whether the token is good: answered 401',
    ])
  })
})

const directory = mkdtempSync(join(tmpdir(), 'credctl-review-'))
afterAll(() => rmSync(directory, { recursive: true, force: true }))
const certificate = makeCertificate('127.0.0.1')

/** Without openssl there is nothing to test with. */
function makeCertificate(address: string): { key: string; cert: string } | undefined {
  const [keyFile, certFile] = [join(directory, 'key'), join(directory, 'cert')]
  const name = ['-subj', '/CN=cluster', '-addext', `subjectAltName=IP:${address}`]
  const kind = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1']
  try {
    const files = ['-keyout', keyFile, '-out', certFile, '-days', '2', '-nodes']
    execFileSync('openssl', [...kind, ...files, ...name], { stdio: 'ignore' })
    return { key: readFileSync(keyFile, 'utf8'), cert: readFileSync(certFile, 'utf8') }
  } catch {
    return undefined
  }
}

describe.skipIf(certificate === undefined)('over TLS', () => {
  test('the cluster is believed with its own authority, and not without', async () => {
    const secure = await startApiServer(certificate)
    secure.pods.add(POD)
    values['env:CA'] = certificate?.cert ?? ''
    const trusting = verifierOf({ api_server: secure.url, ca: 'env:CA' })
    const doubting = verifierOf({ api_server: secure.url })
    try {
      expect(await trusting.verify(token())).toMatchObject({ class: 'workload' })
      expect(await refusal(doubting.verify(token()))).toBe('unavailable')
    } finally {
      await secure.close()
    }
  })
})
