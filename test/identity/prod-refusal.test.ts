import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { INVARIANTS } from '../../src/decision/invariants.ts'
import { mintCredential } from '../../src/mint/mint.ts'
import { stsMint } from '../../src/mint/sts/mint.ts'
import { conditionHolds } from '../../src/plan/aws/evaluation/condition.ts'
import { RequestContext } from '../../src/plan/aws/evaluation/request.ts'
import { AWS_TARGET, awsGrant, decideAws, type GrantOptions } from '../support/aws-grant.ts'
import { type StandInSts, startSts } from '../support/sts.ts'
import { refusal } from './support.ts'

/** Production is out of reach of agents and laptops three times over: each layer removed in turn. */

let sts: StandInSts
beforeAll(async () => {
  sts = await startSts()
})
afterAll(() => sts.close())
afterEach(() => {
  vi.restoreAllMocks()
})

const REACHES_PROD = ['workload', 'ci', 'human'] as const
const NEVER = ['agent', 'local'] as const

/** What the trust policy of a prod role demands: docs/identity.md. */
const TRUST = { StringEquals: { 'aws:RequestTag/credctl:class': [...REACHES_PROD] } }

async function mint(options: GrantOptions): Promise<void> {
  const now = new Date()
  const clock = { now: () => now }
  const port = stsMint(AWS_TARGET, {
    clock,
    random: (size) => Buffer.alloc(size, 7),
    client: { endpoint: sts.endpoint, credentials: { accessKeyId: 'AKID', secretAccessKey: 'x' } },
  })
  try {
    const grant = awsGrant({ issuedAt: now, ...options })
    const handle = port.handle(grant, 'exports', '01JD0000000000000000000009')
    await mintCredential(port, grant, 'exports', handle)
  } finally {
    await port.close()
  }
}

/** Would the role let itself be assumed with the tags of the last session asked for? */
function trusted(): unknown {
  const tags = Object.entries(sts.sessions.at(-1)?.tags ?? {})
  const context = Object.fromEntries(tags.map(([key, value]) => [`aws:RequestTag/${key}`, value]))
  return conditionHolds(TRUST, new RequestContext(context, { complete: true }))
}

test.each(NEVER)('first, the decision refuses class %s', (caller) => {
  const { outcome, reasons } = decideAws({ caller, environmentClass: 'prod' })
  expect(outcome).toBe('deny')
  expect(reasons.map(({ code }) => code)).toEqual(['prod_for_agent_or_local'])
})

describe('with the decision broken', () => {
  beforeEach(() => {
    vi.spyOn(INVARIANTS, 'prodNeverForAgentOrLocal').mockReturnValue(undefined)
  })

  test.each(NEVER)('second, the mint refuses class %s and no target is asked', async (caller) => {
    expect(decideAws({ caller, environmentClass: 'prod' }).outcome).toBe('allow')
    const asked = sts.requests.length
    expect(await refusal(mint({ caller, environmentClass: 'prod' }))).toBe('access_denied')
    expect(sts.requests.length).toBe(asked)
  })
})

describe('with both blind, because an operator called production nonprod', () => {
  test.each(NEVER)('third, the trust policy of the role refuses class %s', async (caller) => {
    await mint({ caller, environmentClass: 'nonprod' })
    expect(trusted()).toBe(false)
  })
})

test.each(REACHES_PROD)('class %s passes all three', async (caller) => {
  await mint({ caller, environmentClass: 'prod' })
  expect(trusted()).toBe(true)
})
