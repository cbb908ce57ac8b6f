import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { World } from '../api/world.ts'
import { approvalWorld, PURGE, pending, poll, say, show } from '../approval/world.ts'
import { testPostgres } from '../support/postgres.ts'
import { ANN, bodyOf, CHANNEL, payload, SECRET, signed, TEAM } from './payload.ts'
import { type StandInSlack, startSlack } from './stand-in.ts'

const postgres = testPostgres()
let slack: StandInSlack
let here: World

const MEMBERS = { dba: { members: [{ issuer: 'slack', claims: { user: ANN } }] } }

beforeAll(async () => {
  slack = await startSlack()
  const { configure, ...options } = await configured()
  here = await approvalWorld(postgres, {}, { ...options, configure })
}, 60_000)
afterAll(async () => {
  await here?.close()
  await slack?.close()
})
beforeEach(() => {
  slack.answer = 'ok'
})

async function configured() {
  const { withApprovers, SCOPES } = await import('../approval/world.ts')
  return {
    scopes: SCOPES,
    slackApi: slack.api,
    env: { SLACK_TOKEN: 'xoxb-canary', SLACK_SECRET: SECRET, ...process.env },
    configure: (config: Parameters<typeof withApprovers>[0]) => {
      const ours = withApprovers(config)
      const { approvals } = ours
      return {
        ...ours,
        slack: {
          team: TEAM,
          channel: CHANNEL,
          token: 'env:SLACK_TOKEN' as const,
          signing_secret: 'env:SLACK_SECRET' as const,
          people: { [ANN]: 'ann@example.com', U0ORDERS0: 'owner@example.com' },
        },
        approvals: {
          ...approvals,
          groups: { ...approvals.groups, ...MEMBERS },
          samePerson: { ...approvals.samePerson, slack: 'person' },
        },
      }
    },
  }
}

const posted = (text: string) =>
  slack.calls.filter(({ body }) => JSON.stringify(body).includes(text))

/** Presses with Slack's signature, except for what `change` replaces of its headers. */
async function press(
  content: object,
  change: (now: number) => Record<string, string> = () => ({}),
) {
  const body = bodyOf(content)
  const now = here.clock.now().getTime()
  const type = { 'content-type': 'application/x-www-form-urlencoded' }
  const headers = { ...signed(body, now), ...type, ...change(now) }
  return await fetch(`${here.url}/slack/interactions`, { method: 'POST', headers, body })
}

describe('a request', () => {
  test('is posted once, with what it reaches, and nothing that a requester wrote is markup', async () => {
    const task = {
      ...PURGE,
      intent: 'Delete <!channel> *all* <https://evil.example|orders>',
    }
    const asked = await pending(here, { task })
    await expect.poll(() => posted(asked.id).length, { timeout: 5_000 }).toBe(1)
    const [call] = posted(asked.id)
    expect(call?.method).toBe('chat.postMessage')
    expect(call?.authorization).toBe('Bearer xoxb-canary')
    expect(call?.body).toMatchObject({ channel: CHANNEL })
    const text = JSON.stringify(call?.body)
    expect(text).toContain(asked.bindingCode)
    expect(text).toContain('delete on 1 table')
    expect(text).not.toContain('mrkdwn')
    expect(text).not.toContain('canary')
  })

  test('is posted after Slack was away', async () => {
    slack.answer = { status: 503 }
    const asked = await pending(here)
    await expect.poll(() => posted(asked.id).length, { timeout: 5_000 }).toBeGreaterThan(0)
    const before = posted(asked.id).length
    slack.answer = 'ok'
    here.clock.move(60_000)
    await expect.poll(() => posted(asked.id).length, { timeout: 5_000 }).toBe(before + 1)
  })
})

describe('a button', () => {
  test('approves, is noted as a press in Slack, and the caller gets its grant', async () => {
    const asked = await pending(here)
    expect((await press(payload(asked))).status).toBe(200)
    const { body } = await show(here, 'ann', asked.id)
    expect(body['status']).toBe('approved')
    expect(JSON.stringify(body)).toContain('slack')
    expect((await poll(here, asked.code)).status).toBe(200)
    await expect.poll(() => slack.calls.some(({ method }) => method === 'chat.update')).toBe(true)
    const update = slack.calls.findLast(({ method }) => method === 'chat.update')
    expect(JSON.stringify(update?.body)).not.toContain('credctl_approve')
  })

  test('denies', async () => {
    const asked = await pending(here)
    const [action] = payload(asked)['actions'] as object[]
    await press(payload(asked, { actions: [{ ...action, action_id: 'credctl_deny' }] }))
    expect((await poll(here, asked.code)).body['error']).toBe('access_denied')
  })

  test('that is pressed again, or replayed, changes nothing and says so', async () => {
    const asked = await pending(here)
    await say(here, 'ann', asked, { verdict: 'deny' })
    expect((await press(payload(asked))).status).toBe(200)
    expect((await show(here, 'ann', asked.id)).body['status']).toBe('denied')
    await expect.poll(() => posted('Not recorded').length).toBeGreaterThan(0)
  })

  test('under another plan than the request’s decides nothing', async () => {
    const asked = await pending(here)
    await press(payload({ ...asked, plan: `sha256:${'0'.repeat(64)}` }))
    expect((await show(here, 'ann', asked.id)).body['status']).toBe('pending')
  })

  test('of the person who asked decides nothing, whatever they are called there', async () => {
    const asked = await pending(here, { claims: { owner_email: 'owner@example.com' } })
    const user = { id: 'U0ORDERS0', team_id: TEAM }
    await press(payload(asked, { user }))
    expect((await show(here, 'ann', asked.id)).body['status']).toBe('pending')
  })

  test.each([
    ['without a signature', () => ({ 'x-slack-signature': '' })],
    ['signed by somebody else', () => ({ 'x-slack-signature': `v0=${'0'.repeat(64)}` })],
    [
      'from ten minutes ago',
      (now: number) => ({ 'x-slack-request-timestamp': String(Math.floor(now / 1000) - 600) }),
    ],
  ])('%s is turned away', async (_what, change) => {
    const asked = await pending(here)
    expect((await press(payload(asked), change)).status).toBe(401)
    expect((await show(here, 'ann', asked.id)).body['status']).toBe('pending')
  })

  test('that Slack hears nothing about is recorded all the same', async () => {
    const asked = await pending(here)
    slack.answer = { error: 'channel_not_found' }
    expect((await press(payload(asked))).status).toBe(200)
    expect((await show(here, 'ann', asked.id)).body['status']).toBe('approved')
  })
})
