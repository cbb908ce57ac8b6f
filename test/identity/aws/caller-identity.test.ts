import { createHash, createHmac } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { createCallerIdentityVerifier } from '../../../src/identity/aws/caller-identity.ts'
import type { Fetch } from '../../../src/identity/download.ts'
import { MemoryReplayStore } from '../../../src/identity/replay.ts'
import { createVerifier } from '../../../src/identity/verify.ts'
import { signingKey, sign as signToken } from '../../support/issuer.ts'
import { AUDIENCE, goodClaims, issuerConfig, NOW, refusal } from '../support.ts'

const SECRET = 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY'
const DATE = '20261120T120000Z'
const clock = { now: () => NOW }

const config = issuerConfig('https://sts.amazonaws.com', {
  kind: 'aws-signed',
  callers: [
    { class: 'workload', claims: { role_id: 'AROAEXAMPLEROLEID0001', account: '123456789012' } },
  ],
})

interface Signing {
  readonly region?: string
  readonly date?: string
  readonly audience?: string
  readonly service?: string
  readonly headers?: Record<string, string>
}

/** Signature Version 4 over the broker's request, as the AWS documentation defines it. */
function authorization(signing: Signing = {}): string {
  const { region = 'eu-central-1', date = DATE, service = 'sts' } = signing
  const headers: Record<string, string> = {
    'content-type': 'application/x-www-form-urlencoded; charset=utf-8',
    host: `sts.${region}.amazonaws.com`,
    'x-amz-date': date,
    'x-amz-security-token': 'c2Vzc2lvbg==',
    'x-credctl-audience': signing.audience ?? AUDIENCE,
    ...signing.headers,
  }
  const names = Object.keys(headers).sort()
  const body = 'Action=GetCallerIdentity&Version=2011-06-15'
  const lines = names.map((name) => `${name}:${headers[name]}\n`).join('')
  const canonical = ['POST', '/', '', lines, names.join(';'), sha256(body)].join('\n')
  const scope = `${date.slice(0, 8)}/${region}/${service}/aws4_request`
  const text = ['AWS4-HMAC-SHA256', date, scope, sha256(canonical)].join('\n')
  const key = scope.split('/').reduce<string | Buffer>(hmac, `AWS4${SECRET}`)
  const signature = Buffer.from(hmac(key, text)).toString('hex')
  return `AWS4-HMAC-SHA256 Credential=ASIAEXAMPLE000000001/${scope}, SignedHeaders=${names.join(';')}, Signature=${signature}`
}

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')
const hmac = (key: string | Buffer, text: string) => createHmac('sha256', key).update(text).digest()

function signed(over: Record<string, unknown> = {}, signing: Signing = {}): string {
  const request = {
    region: 'eu-central-1',
    authorization: authorization(signing),
    date: DATE,
    security_token: 'c2Vzc2lvbg==',
    ...over,
  }
  return Buffer.from(JSON.stringify(request)).toString('base64url')
}

/** The same request with room to spare: nobody needs to read that much. */
function spacious(): string {
  const json = Buffer.from(signed(), 'base64url').toString()
  return Buffer.from(json + ' '.repeat(10_000)).toString('base64url')
}

const ARN = 'arn:aws:sts::123456789012:assumed-role/backfill/session-7'

function answer(
  over: { arn?: string; user?: string; account?: string; extra?: string } = {},
): string {
  const { arn = ARN, user = 'AROAEXAMPLEROLEID0001:session-7', account = '123456789012' } = over
  return `<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
  <GetCallerIdentityResult>
    <Arn>${arn}</Arn>
    <UserId>${user}</UserId>
    <Account>${account}</Account>${over.extra ?? ''}
  </GetCallerIdentityResult>
  <ResponseMetadata>
    <RequestId>01234567-89ab-cdef-0123-456789abcdef</RequestId>
  </ResponseMetadata>
</GetCallerIdentityResponse>
`
}

const xml = (text: string, status = 200) =>
  new Response(text, { status, headers: { 'content-type': 'text/xml' } })

/** Answers like STS: checks the signature over the request as it arrives. */
const sts: Fetch = async (url, init) => {
  const headers = new Headers(init?.headers)
  const region = /^https:\/\/sts\.([a-z0-9-]+)\.amazonaws\.com\/$/.exec(String(url))?.[1] ?? ''
  const expected = authorization({
    region,
    date: headers.get('x-amz-date') ?? '',
    audience: headers.get('x-credctl-audience') ?? '',
  })
  const sound = init?.method === 'POST' && headers.get('authorization') === expected
  return sound ? xml(answer()) : xml('<ErrorResponse/>', 403)
}

function verifier(fetch: Fetch = sts, replay = new MemoryReplayStore(clock)) {
  return createCallerIdentityVerifier('aws', config, { clock, replay, fetch })
}

test('a role that signs for this broker becomes a caller without its session name', async () => {
  const caller = await verifier().verify(signed())
  expect(caller).toMatchObject({
    class: 'workload',
    issuer: 'aws',
    subject: '123456789012:AROAEXAMPLEROLEID0001',
    claims: { account: '123456789012', role_name: 'backfill' },
  })
  expect(JSON.stringify(caller)).not.toContain('session-7')
})

test('the broker makes its own request: method, place, body and headers', async () => {
  const calls: unknown[] = []
  await verifier(async (url, init) => {
    calls.push({ url, ...init, signal: undefined })
    return xml(answer())
  }).verify(signed())
  expect(calls).toEqual([
    {
      url: 'https://sts.eu-central-1.amazonaws.com/',
      method: 'POST',
      body: 'Action=GetCallerIdentity&Version=2011-06-15',
      redirect: 'manual',
      signal: undefined,
      headers: {
        accept: 'text/xml',
        authorization: authorization(),
        'content-type': 'application/x-www-form-urlencoded; charset=utf-8',
        'x-amz-date': DATE,
        'x-amz-security-token': 'c2Vzc2lvbg==',
        'x-credctl-audience': AUDIENCE,
      },
    },
  ])
})

test('a signed request is good once, for every replica that shares the store', async () => {
  const replay = new MemoryReplayStore(clock)
  expect(await refusal(verifier(sts, replay).verify(signed()))).toBe('accepted')
  expect(await refusal(verifier(sts, replay).verify(signed()))).toBe('token_replayed')
})

describe('is refused before STS is asked:', () => {
  const none: Fetch = () => {
    throw new Error('asked')
  }
  const twice = `${authorization()}, Signature=${'0'.repeat(64)}`

  test.each([
    ['text', 'hello', 'token_malformed'],
    ['a list', Buffer.from('[]').toString('base64url'), 'token_malformed'],
    [
      'a field twice',
      Buffer.from('{"region":"a","region":"b"}').toString('base64url'),
      'token_malformed',
    ],
    ['a URL of the client', signed({ url: 'https://evil.test/' }), 'token_malformed'],
    ['a body of the client', signed({ body: 'Action=AssumeRole' }), 'token_malformed'],
    ['a method of the client', signed({ method: 'GET' }), 'token_malformed'],
    ['headers of the client', signed({ headers: { host: 'evil.test' } }), 'token_malformed'],
    ['an unknown region', signed({ region: 'evil' }), 'token_malformed'],
    ['a region that is a host', signed({ region: 'evil.test/?' }), 'token_malformed'],
    ['a region that is a list', signed({ region: ['eu-central-1'] }), 'token_malformed'],
    ['another region than signed', signed({ region: 'us-east-1' }), 'token_malformed'],
    ['a signature for another service', signed({}, { service: 's3' }), 'token_malformed'],
    [
      'a signature over more headers',
      signed({}, { headers: { 'x-evil': '1' } }),
      'token_malformed',
    ],
    [
      'a security token that was not signed',
      signed({ security_token: undefined }),
      'token_malformed',
    ],
    ['a security token with a line break', signed({ security_token: 'a\r\nb' }), 'token_malformed'],
    ['an authorization with two signatures', signed({ authorization: twice }), 'token_malformed'],
    [
      'an authorization with a line break',
      signed({ authorization: `${authorization()}\n` }),
      'token_malformed',
    ],
    ['a bearer token', signed({ authorization: 'Bearer x' }), 'token_malformed'],
    ['a presigned query', signed({ authorization: '?X-Amz-Signature=0' }), 'token_malformed'],
    ['a date that is none', signed({ date: '20269999T999999Z' }), 'token_malformed'],
    [
      'a request of two minutes ago',
      signed({ date: '20261120T115800Z' }, { date: '20261120T115800Z' }),
      'token_expired',
    ],
    [
      'a request from the future',
      signed({ date: '20261120T120200Z' }, { date: '20261120T120200Z' }),
      'token_not_yet_valid',
    ],
    ['padding', `${signed()}=`, 'token_malformed'],
    ['a sound request in ten kilobytes', spacious(), 'token_malformed'],
    ['a megabyte', 'A'.repeat(1_000_000), 'token_malformed'],
  ])('%s', async (_name, text, code) => {
    expect(await refusal(verifier(none).verify(text))).toBe(code)
  })

  test('an audience header that was not signed', async () => {
    const bare = authorization().replace(';x-credctl-audience', '')
    expect(await refusal(verifier(none).verify(signed({ authorization: bare })))).toBe(
      'token_malformed',
    )
  })
})

test('a request signed for another broker is refused by STS itself', async () => {
  const other = signed({}, { audience: 'https://other.test' })
  expect(await refusal(verifier().verify(other))).toBe('token_signature_invalid')
})

describe('an answer is refused', () => {
  const json = JSON.stringify({ message: answer() })

  test.each([
    [
      'in JSON that holds a sound one',
      new Response(json, { headers: { 'content-type': 'application/json' } }),
      'token_signature_invalid',
    ],
    ['in JSON that says it is XML', xml(json), 'token_claim_invalid'],
    ['with text before it', xml(`x${answer()}`), 'token_claim_invalid'],
    ['with a second one after it', xml(answer() + answer()), 'token_claim_invalid'],
    [
      'with a second result',
      xml(answer({ extra: '<Account>999999999999</Account>' })),
      'token_claim_invalid',
    ],
    ['with markup in a value', xml(answer({ arn: `${ARN}<!--x-->` })), 'token_claim_invalid'],
    ['with an entity in a value', xml(answer({ arn: `${ARN}&#47;` })), 'token_claim_invalid'],
    [
      'of a session whose id is no role',
      xml(answer({ user: 'AIDAEXAMPLEUSERID0001:session-7' })),
      'token_claim_invalid',
    ],
    [
      'of a user',
      xml(answer({ user: 'AIDAEXAMPLEUSERID0001:x', arn: 'arn:aws:iam::123456789012:user/a' })),
      'token_claim_invalid',
    ],
    [
      'of the root',
      xml(answer({ user: '123456789012', arn: 'arn:aws:iam::123456789012:root' })),
      'token_claim_invalid',
    ],
    [
      'of a federated user',
      xml(
        answer({ user: '123456789012:bob', arn: 'arn:aws:sts::123456789012:federated-user/bob' }),
      ),
      'token_claim_invalid',
    ],
    [
      'of another account than the ARN',
      xml(answer({ account: '999999999999' })),
      'token_claim_invalid',
    ],
    [
      'of another session than the id',
      xml(answer({ user: 'AROAEXAMPLEROLEID0001:other' })),
      'token_claim_invalid',
    ],
    [
      'of the role made again under its name',
      xml(answer({ user: 'AROAEXAMPLEROLEID0002:session-7' })),
      'caller_unclassified',
    ],
    [
      'that redirects',
      new Response(null, { status: 302, headers: { location: 'http://169.254.169.254/' } }),
      'token_signature_invalid',
    ],
    ['that is large', xml(answer() + ' '.repeat(10_000)), 'unavailable'],
    ['of 500', xml('', 500), 'unavailable'],
    ['of 429', xml('', 429), 'unavailable'],
  ])('%s', async (_name, response, code) => {
    expect(await refusal(verifier(async () => response).verify(signed()))).toBe(code)
  })

  test('that never comes', async () => {
    const never: Fetch = (_url, init) =>
      new Promise((_resolve, reject) => {
        init?.signal?.addEventListener('abort', () => reject(new Error('aborted')))
      })
    const slow = createCallerIdentityVerifier('aws', config, {
      clock,
      replay: new MemoryReplayStore(clock),
      fetch: never,
      timeoutMs: 20,
    })
    expect(await refusal(slow.verify(signed()))).toBe('unavailable')
  })
})

test('a refused request was not spent: the same one works once its rule exists', async () => {
  const replay = new MemoryReplayStore(clock)
  const stranger = xml(answer({ user: 'AROAEXAMPLEROLEID0002:session-7' }))
  await refusal(verifier(async () => stranger, replay).verify(signed()))
  expect(await refusal(verifier(sts, replay).verify(signed()))).toBe('accepted')
})

describe('among the issuers of a broker', () => {
  test('a signed request is verified, once', async () => {
    const all = createVerifier({ aws: config }, { clock, fetch: sts })
    expect(await all.verifyAwsRequest(signed())).toMatchObject({ class: 'workload', issuer: 'aws' })
    expect(await refusal(all.verifyAwsRequest(signed()))).toBe('token_replayed')
  })

  test('without one of this kind nobody is asked', async () => {
    const none = createVerifier({}, { clock, fetch: sts })
    expect(await refusal(none.verifyAwsRequest(signed()))).toBe('token_issuer_unknown')
  })

  test('no JWT can claim to be from this one', async () => {
    const key = await signingKey()
    const token = signToken(key, goodClaims('https://sts.amazonaws.com'))
    const tokens = createVerifier({ aws: config }, { clock })
    expect(await refusal(tokens.verify(token))).toBe('token_issuer_unknown')
  })
})
