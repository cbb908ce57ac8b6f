import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { AwsCredential } from '../../../src/mint/mint.ts'
import { mintCredential } from '../../../src/mint/mint.ts'
import { stsMint } from '../../../src/mint/sts/mint.ts'
import { stsPace } from '../../../src/mint/sts/pace.ts'
import { AWS_TARGET, awsGrant, type GrantOptions } from '../../support/aws-grant.ts'
import { answerTo, type StandInSts, startSts } from '../../support/sts.ts'

const CREDENTIAL = '01JD0000000000000000000009'
const NOW = new Date()
const parts = {
  clock: { now: () => NOW },
  random: (size: number) => Buffer.alloc(size, 7),
  attempts: { deadlineMs: 600, firstDelayMs: 5 },
}

let sts: StandInSts
beforeAll(async () => {
  sts = await startSts()
})
afterAll(() => sts.close())

async function mint(options: GrantOptions = {}, target = AWS_TARGET) {
  const grant = awsGrant({ issuedAt: NOW, target, ...options })
  const credentials = { accessKeyId: 'AKIDBROKER', secretAccessKey: 'broker' }
  const port = stsMint(target, { ...parts, client: { endpoint: sts.endpoint, credentials } })
  const handle = port.handle(grant, 'exports', CREDENTIAL)
  try {
    const minted = await mintCredential(port, grant, 'exports', handle)
    const session = sts.sessions.at(-1)!
    return { minted, grant, handle, session, keys: minted.credential.reveal() as AwsCredential }
  } finally {
    await port.close()
  }
}

describe('minting AWS credentials with the real SDK', () => {
  test('the session carries name, source identity, tags and external id of the grant', async () => {
    const target = { ...AWS_TARGET, external_id: 'acme-7' }
    const { session, grant } = await mint({}, target)
    expect(session.name).toBe(`credctl-${grant.id}-${CREDENTIAL}`)
    expect(session.sourceIdentity).toBe(`credctl-${grant.id}`)
    expect(session.externalId).toBe('acme-7')
    expect(session.tags).toEqual({
      'credctl:class': 'agent',
      'credctl:scope': 'copy-exports',
      'credctl:scope-digest': grant.scopeDigest,
      'credctl:environment': 'staging',
      'credctl:grant': grant.id,
    })
  })

  test('the session policy is the plan and a deny of everything after the grant ends', async () => {
    const { session, grant } = await mint()
    const plan = grant.plan.targets['exports']
    const { Statement } = JSON.parse(session.policy)
    expect(session.policy).toHaveLength(plan?.kind === 'aws' ? plan.policySize : 0)
    expect(Statement.slice(0, -1)).toEqual(
      JSON.parse(plan?.kind === 'aws' ? plan.sessionPolicy : '').Statement,
    )
    const end = `${grant.expiresAt.toISOString().slice(0, 19)}Z`
    expect(Statement.at(-1)).toEqual({
      Effect: 'Deny',
      Action: '*',
      Resource: '*',
      Condition: { DateGreaterThanEquals: { 'aws:CurrentTime': end } },
    })
  })

  test('the session can do what the scope declares until the grant ends, and nothing else', async () => {
    const { session, grant } = await mint()
    const own = 'arn:aws:s3:::acme-exports/orders/7.csv'
    const ask = (action: string, resource = own, at = NOW) =>
      answerTo(session, { action, resource, at })
    expect(ask('s3:GetObject')).toBe('allowed')
    expect(ask('s3:DeleteObject')).toBe('denied')
    expect(ask('s3:GetObject', 'arn:aws:s3:::acme-exports/other')).toBe('denied')
    expect(ask('sts:AssumeRole', 'arn:aws:iam::111122223333:role/admin')).toBe('denied')
    // STS would let it live for 900 s; the grant is over earlier.
    const late = new Date(grant.expiresAt.getTime() + 1)
    expect(ask('s3:GetObject', own, late)).toBe('denied')
  })

  test('a grant of one minute gets the shortest session, reported to end with the grant', async () => {
    const { session, keys, grant, minted } = await mint({ ttl: '60s' })
    expect(session.durationSeconds).toBe(900)
    expect(keys.Expiration).toBe(grant.expiresAt.toISOString())
    expect(minted.expiresAt).toEqual(grant.expiresAt)
  })

  test('the answer has the four strings that SDKs read, and facts to join CloudTrail on', async () => {
    const { minted, keys, session } = await mint()
    expect(Object.keys(keys).sort()).toEqual([
      'AccessKeyId',
      'Expiration',
      'SecretAccessKey',
      'Token',
    ])
    expect(minted.fingerprint).toBe(session.accessKeyId)
    expect(minted.facts).toEqual({
      assumed_role_id: `AROASTANDIN:${session.name}`,
      sts_request_id: 'stand-in-request',
      session_token_percent: 37,
      session_token_bytes: 1520,
    })
    expect(JSON.stringify(minted)).not.toContain(keys.SecretAccessKey)
    expect(JSON.stringify(minted)).not.toContain(keys.Token)
  })

  test('throttling is waited out', async () => {
    sts.failNext({ code: 'Throttling', message: 'Rate exceeded', times: 2 })
    const before = sts.requests.length
    await mint()
    expect(sts.requests.length - before).toBe(3)
  })

  test('a pace of its own keeps calls under the limit of the account', async () => {
    const credentials = { accessKeyId: 'AKIDBROKER', secretAccessKey: 'broker' }
    const client = { endpoint: sts.endpoint, credentials }
    const attempts = { deadlineMs: 100, firstDelayMs: 10 }
    const port = stsMint(AWS_TARGET, { ...parts, attempts, client, pace: stsPace(3) })
    const grant = awsGrant({ issuedAt: NOW })
    const handle = port.handle(grant, 'exports', CREDENTIAL)
    const before = sts.requests.length
    const results = await Promise.allSettled(
      Array.from({ length: 5 }, () => port.mint(grant, 'exports', handle)),
    )
    await port.close()
    expect(sts.requests.length - before).toBe(3)
    const refused = results.flatMap((each) => (each.status === 'rejected' ? [each.reason] : []))
    expect(refused.map(({ code }) => code)).toEqual(['target_unavailable', 'target_unavailable'])
  })

  test('throttling that outlasts the deadline is target_unavailable', async () => {
    sts.failNext({ code: 'Throttling', times: 40 })
    await expect(mint()).rejects.toMatchObject({ code: 'target_unavailable' })
    sts.failNext({ code: 'Throttling', times: 0 })
  })
})

describe('errors of STS', () => {
  let refusing: StandInSts
  afterEach(() => refusing.close())

  const cases: [string, number, string, RegExp][] = [
    ['AccessDenied', 403, 'target_refused', /sts:TagSession and sts:SetSourceIdentity/],
    ['PackedPolicyTooLarge', 400, 'target_refused', /split the scope/],
    ['MalformedPolicyDocument', 400, 'target_refused', /report this scope/],
    ['RegionDisabledException', 403, 'target_refused', /activate STS/],
    ['ExpiredToken', 403, 'target_unavailable', /restore/],
    ['InvalidClientTokenId', 403, 'target_unavailable', /restore/],
    ['ServiceUnavailable', 503, 'target_unavailable', /try again/],
  ]
  test.each(cases)(
    '%s becomes a stable code without AWS text',
    async (code, status, ours, hint) => {
      refusing = await startSts()
      const message = 'User: arn:aws:sts::999988887777:assumed-role/broker/i-1 is not authorized'
      refusing.failNext({ code, status, message, times: 500 })
      const error = await failureOf(refusing)
      expect(error).toMatchObject({ code: ours })
      expect(error.hint).toMatch(hint)
      expect(`${error.message} ${error.hint}`).not.toContain('999988887777')
    },
  )

  test('a role that allows shorter sessions is told apart from role chaining', async () => {
    refusing = await startSts()
    const too = 'The requested DurationSeconds exceeds the MaxSessionDuration set for this role'
    refusing.failNext({ code: 'ValidationError', message: too })
    expect((await failureOf(refusing)).hint).toMatch(/maximum session duration/)
    const chained =
      'The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining'
    refusing.failNext({ code: 'ValidationError', message: chained })
    expect((await failureOf(refusing)).hint).toMatch(/not chained/)
  })

  test('an endpoint that is gone is target_unavailable', async () => {
    refusing = await startSts()
    await refusing.close()
    expect(await failureOf(refusing)).toMatchObject({ code: 'target_unavailable' })
  })

  async function failureOf(at: StandInSts) {
    const credentials = { accessKeyId: 'AKIDBROKER', secretAccessKey: 'broker' }
    const attempts = { deadlineMs: 150, firstDelayMs: 10 }
    const client = { endpoint: at.endpoint, credentials }
    const port = stsMint(AWS_TARGET, { ...parts, attempts, client })
    const grant = awsGrant({ issuedAt: NOW })
    const failure = await port
      .mint(grant, 'exports', port.handle(grant, 'exports', CREDENTIAL))
      .then(
        () => expect.unreachable('minted'),
        (error) => error,
      )
    await port.close()
    return failure
  }
})

describe('what a mint refuses before any call', () => {
  test('a grant whose plan names another role', async () => {
    const other = { ...AWS_TARGET, role: 'arn:aws:iam::111122223333:role/other' }
    const port = stsMint(other, parts)
    const grant = awsGrant({ issuedAt: NOW })
    await expect(
      port.mint(grant, 'exports', port.handle(grant, 'exports', CREDENTIAL)),
    ).rejects.toMatchObject({ code: 'target_unknown' })
  })

  test('AWS_ENDPOINT_URL does not lead the broker elsewhere', async () => {
    process.env['AWS_ENDPOINT_URL'] = sts.endpoint
    process.env['AWS_ENDPOINT_URL_STS'] = sts.endpoint
    const hosts: string[] = []
    const requestHandler = {
      handle: async (request: { hostname: string }) => {
        hosts.push(request.hostname)
        throw new Error('no network in tests')
      },
    }
    const credentials = { accessKeyId: 'AKIDBROKER', secretAccessKey: 'broker' }
    const attempts = { deadlineMs: 1, firstDelayMs: 1 }
    const port = stsMint(AWS_TARGET, {
      ...parts,
      attempts,
      client: { credentials, requestHandler },
    })
    const grant = awsGrant({ issuedAt: NOW })
    const handle = port.handle(grant, 'exports', CREDENTIAL)
    await port.mint(grant, 'exports', handle).catch(() => undefined)
    delete process.env['AWS_ENDPOINT_URL']
    delete process.env['AWS_ENDPOINT_URL_STS']
    expect(new Set(hosts)).toEqual(new Set(['sts.eu-central-1.amazonaws.com']))
  })
})
