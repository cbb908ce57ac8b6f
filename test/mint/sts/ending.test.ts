import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import type { Config } from '../../../src/config.ts'
import type { Environment, Target } from '../../../src/environment/environment.ts'
import { exchange, form, send, tokenOf, type World, withCallers, world } from '../../api/world.ts'
import { mockIam } from '../../support/iam.ts'
import { testPostgres } from '../../support/postgres.ts'

const postgres = testPostgres()
let broker: World
let iam: ReturnType<typeof mockIam>
beforeAll(async () => {
  broker = await world(postgres)
})
afterAll(() => broker?.close())
beforeEach(() => {
  iam = mockIam()
})
afterEach(() => iam.restore())

const task = {
  scope: 'exports',
  environment: 'staging',
  intent: 'Read one export.',
  parameters: { ticket: 'ORD-1' },
}

async function grant() {
  const { body } = await exchange(broker.url, form(await tokenOf(broker, 'agent'), task))
  const token = String(body['access_token'])
  const bearer = { headers: { authorization: `Bearer ${token}` } }
  expect((await send(`${broker.url}/v1/credentials/exports`, bearer)).status).toBe(200)
  const session = broker.sts.sessions.at(-1)
  const details = JSON.stringify(body['authorization_details'])
  return { id: session?.tags['credctl:grant'] ?? '', token, details }
}

async function end({ id, token }: { id: string; token: string }) {
  const headers = { authorization: `Bearer ${token}` }
  const { status, body } = await send(`${broker.url}/v1/grants/${id}`, {
    method: 'DELETE',
    headers,
  })
  expect(status).toBe(200)
  return body['revocations']
}

test('a grant that its caller ends without a revoker says when its session runs out', async () => {
  expect(await end(await grant())).toEqual([
    { target: 'exports', outcome: 'expires', expires_at: expect.any(String) },
  ])
  expect(iam.state.writes).toBe(0)
})

test('with a revoker the session is denied on the role, and the log says so', async () => {
  const revoking = await world(postgres, { configure: withRevoker })
  const before = broker
  broker = revoking
  try {
    const ended = await grant()
    const goesOn = await grant()
    expect(await end(ended)).toEqual([
      { target: 'exports', outcome: 'denied', expires_at: expect.any(String) },
    ])
    const [text] = iam.texts('task')
    expect(text).toContain(`credctl-${ended.id}`)
    expect(text).not.toContain(goesOn.id)
    expect(goesOn.details).toContain('denies its sessions by source identity')
  } finally {
    broker = before
    await revoking.close()
  }
})

function withRevoker(config: Config): Config {
  const { environments, ...rest } = withCallers(config)
  const revoking = [...environments].map(([name, environment]): [string, Environment] => {
    const targets = Object.entries(environment.targets).map(([target, place]): [string, Target] => [
      target,
      place.kind === 'aws'
        ? { ...place, revoker: `arn:aws:iam::${place.account}:role/credctl/revoker` }
        : place,
    ])
    return [name, { ...environment, targets: Object.fromEntries(targets) }]
  })
  return { ...rest, environments: new Map(revoking) }
}
