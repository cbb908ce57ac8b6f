import { PutRolePolicyCommand } from '@aws-sdk/client-iam'
import { AssumeRoleCommand, STSClient } from '@aws-sdk/client-sts'
import { mockClient } from 'aws-sdk-client-mock'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { ulid } from '../../../src/clock.ts'
import { stsMint } from '../../../src/mint/sts/mint.ts'
import { sourceIdentity } from '../../../src/mint/sts/request.ts'
import { evaluatePolicies } from '../../../src/plan/aws/evaluation/evaluate.ts'
import { RequestContext } from '../../../src/plan/aws/evaluation/request.ts'
import type { Policy } from '../../../src/plan/aws/policy.ts'
import { AWS_TARGET, awsGrant } from '../../support/aws-grant.ts'
import { mockIam } from '../../support/iam.ts'

const REVOKER = 'arn:aws:iam::111122223333:role/credctl/revoker'
const TARGET = { ...AWS_TARGET, revoker: REVOKER }
const START = new Date('2026-11-20T12:00:00Z')
const MINUTE = 60_000
const CREDENTIAL = '01JD0000000000000000000009'

let now = START
let seed = 0
const parts = {
  clock: { now: () => now },
  random: (size: number) => {
    seed += 1
    return Buffer.alloc(size, seed % 256)
  },
}
const grantId = (at = now) => ulid({ now: () => at }, parts.random)

let iam: ReturnType<typeof mockIam>
const sts = mockClient(STSClient)
beforeEach(() => {
  now = START
  iam = mockIam()
  sts.reset()
  sts.on(AssumeRoleCommand).resolves({
    Credentials: {
      AccessKeyId: 'ASIAREVOKER',
      SecretAccessKey: 's',
      SessionToken: 't',
      Expiration: new Date(Date.now() + 900_000),
    },
  })
})
afterEach(() => iam.restore())

function minted(id = grantId(), mint = stsMint(TARGET, parts)) {
  const grant = awsGrant({ id, issuedAt: now, target: TARGET })
  const handle = mint.handle(grant, 'exports', CREDENTIAL)
  return { mint, handle, id, expiresAt: grant.expiresAt }
}

/** What AWS would say to a session of this grant, by the role's own policies. */
function answerTo(id: string, issued = START) {
  const everything: Policy = {
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Action: '*', Resource: '*' }],
  }
  return evaluatePolicies(
    {
      action: 's3:GetObject',
      resource: 'arn:aws:s3:::b/k',
      principal: { account: '111122223333', role: TARGET.role, session: 's' },
      context: new RequestContext(
        { 'aws:SourceIdentity': sourceIdentity(id), 'aws:TokenIssueTime': issued.toISOString() },
        { complete: true },
      ),
    },
    { identity: [everything, ...iam.policies('task')] },
  ).answer
}

/** A mocked client sends nothing, so nothing made it fetch its own credentials yet. */
async function credentialsOf(client: unknown): Promise<void> {
  const { config } = client as { config: { credentials(): Promise<object> } }
  await config.credentials()
}

describe('ending one grant', () => {
  test("denies its sessions and leaves the others' alone", async () => {
    const [one, other] = [minted(), minted()]
    expect(await one.mint.revoke(one.handle, one.expiresAt, 'operator')).toEqual({
      outcome: 'denied',
      expiresAt: one.expiresAt,
    })
    expect(answerTo(one.id)).toBe('denied')
    expect(answerTo(other.id)).toBe('allowed')
  })

  test('writes through a session that can do nothing but this, on this role', async () => {
    const { mint, handle, expiresAt } = minted()
    await mint.revoke(handle, expiresAt, 'caller')
    const [client] = iam.mock.commandCalls(PutRolePolicyCommand)
    expect(client?.args[0].input.RoleName).toBe('task')
    await credentialsOf(client?.thisValue)
    const [assumed] = sts.commandCalls(AssumeRoleCommand)
    const policy: Policy = JSON.parse(assumed?.args[0].input.Policy ?? '')
    expect(assumed?.args[0].input.RoleArn).toBe(REVOKER)
    const may = (action: string, resource: string) =>
      evaluatePolicies(
        {
          action,
          resource,
          principal: { account: '1', role: 'r', session: 's' },
          context: new RequestContext({}, { complete: true }),
        },
        {
          identity: [
            { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: '*', Resource: '*' }] },
          ],
          session: [policy],
        },
      ).answer
    expect(may('iam:PutRolePolicy', TARGET.role)).toBe('allowed')
    expect(may('iam:PutRolePolicy', REVOKER)).toBe('denied')
    expect(may('iam:AttachRolePolicy', TARGET.role)).toBe('denied')
  })

  test.each(['expired', 'unissued'] as const)('needs no write when it is %s', async (cause) => {
    const { mint, handle, expiresAt } = minted()
    expect(await mint.revoke(handle, expiresAt, cause)).toEqual({ outcome: 'gone' })
    expect(iam.state.writes).toBe(0)
  })

  test('without a revoker says that the session runs out', async () => {
    const { handle, expiresAt } = minted()
    const mint = stsMint(AWS_TARGET, parts)
    expect(await mint.revoke(handle, expiresAt, 'operator')).toEqual({
      outcome: 'expires',
      expiresAt,
    })
    expect(mint.guarantees.join()).toMatch(/works until the grant expires/)
  })

  test('a deny that IAM does not hold afterwards is an error, and is tried again', async () => {
    const { mint, handle, expiresAt } = minted()
    iam.state.lies = 1
    await expect(mint.revoke(handle, expiresAt, 'operator')).rejects.toMatchObject({
      code: 'target_unavailable',
    })
    expect(await mint.revoke(handle, expiresAt, 'operator')).toMatchObject({ outcome: 'denied' })
  })
})

describe('many at once', () => {
  test('a hundred revocations on two replicas lose none and share writes', async () => {
    iam.state.delayMs = 5
    const replicas = [stsMint(TARGET, parts), stsMint(TARGET, parts)]
    const grants = Array.from({ length: 100 }, (_, index) => minted(grantId(), replicas[index % 2]))
    const outcomes = await Promise.all(
      grants.map(({ mint, handle, expiresAt }) => mint.revoke(handle, expiresAt, 'caller')),
    )
    expect(outcomes.every(({ outcome }) => outcome === 'denied')).toBe(true)
    expect(grants.filter(({ id }) => answerTo(id) !== 'denied')).toEqual([])
    expect(iam.state.writes).toBeLessThan(10)
  })

  test('a replica that is gone leaves its denies, and another removes them when they are old', async () => {
    const gone = minted()
    await gone.mint.revoke(gone.handle, gone.expiresAt, 'operator')
    now = new Date(START.getTime() + 90 * MINUTE)
    const next = minted()
    await next.mint.revoke(next.handle, next.expiresAt, 'operator')
    expect(answerTo(gone.id)).toBe('denied')
    now = new Date(START.getTime() + 200 * MINUTE)
    const last = minted(grantId(), next.mint)
    await last.mint.revoke(last.handle, last.expiresAt, 'operator')
    expect(iam.texts('task')).toHaveLength(1)
    expect(iam.texts('task')[0]).toContain(last.id)
    expect(iam.texts('task')[0]).not.toContain(next.id)
  })
})

describe('when the role has no room for another deny', () => {
  beforeEach(() => {
    iam.restore()
    iam = mockIam(400)
  })

  test('an operator ends every older session of the role', async () => {
    const grants = Array.from({ length: 9 }, () => minted())
    const [mint] = grants.map((each) => each.mint)
    now = new Date(START.getTime() + MINUTE)
    for (const { handle, expiresAt } of grants) await mint?.revoke(handle, expiresAt, 'operator')
    expect(iam.texts('task').join()).toContain('aws:TokenIssueTime')
    expect(grants.filter(({ id }) => answerTo(id) !== 'denied')).toEqual([])
    expect(answerTo(grantId(), new Date(START.getTime() + 2 * MINUTE))).toBe('allowed')
  })

  test('lists of other replicas give way to it, and what they denied stays denied', async () => {
    const [mine, ...theirs] = [minted(), minted(), minted(), minted(), minted()]
    const [replica] = theirs.map((each) => each.mint)
    for (const { handle, expiresAt } of theirs) await replica?.revoke(handle, expiresAt, 'caller')
    now = new Date(START.getTime() + MINUTE)
    expect(await mine?.mint.revoke(mine.handle, mine.expiresAt, 'operator')).toMatchObject({
      outcome: 'denied',
    })
    const ended = [mine, ...theirs].filter((each) => each !== undefined)
    expect(ended.map(({ id }) => answerTo(id))).toEqual(ended.map(() => 'denied'))
  })

  test('a caller that finishes does not end the sessions of others', async () => {
    const grants = Array.from({ length: 9 }, () => minted())
    const [mint] = grants.map((each) => each.mint)
    const outcomes = []
    for (const { handle, expiresAt } of grants) {
      outcomes.push(await mint?.revoke(handle, expiresAt, 'caller'))
    }
    expect(outcomes.map((each) => each?.outcome)).toContain('denied')
    expect(outcomes.at(-1)?.outcome).toBe('expires')
    expect(answerTo(grantId())).toBe('allowed')
  })
})
