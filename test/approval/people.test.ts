import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { World } from '../api/world.ts'
import { bearer, send } from '../api/world.ts'
import { testPostgres } from '../support/postgres.ts'
import { approvalWorld, askFor, PURGE, pending, poll, say, show, tokenNow } from './world.ts'

/** Who may decide, and who may not. */
const postgres = testPostgres()
let here: World

beforeAll(async () => {
  here = await approvalWorld(postgres, {
    thresholds: [
      {
        name: 'two-of-dba',
        when: { environments: ['dev'], verbs: ['delete'] },
        needs: [
          { group: 'dba', count: 1 },
          { group: 'security', count: 1 },
        ],
      },
    ],
  })
}, 60_000)
afterAll(() => here?.close())

const inDev = (intent: string) => ({ task: { ...PURGE, environment: 'dev', intent } })

describe('four eyes', () => {
  test('nobody decides a request of their own, under whatever account', async () => {
    const own = { who: 'human', claims: { sub: 'ann' } }
    const restricted = await pending(here, {
      ...inDev('A person asks.'),
      ...own,
    })
    const same = await say(here, 'ann', restricted, { reason: 'x' })
    expect([same.status, same.body['code']]).toEqual([403, 'approval_not_yours'])

    // The agent's token says whose agent it is; the approver's token says the same person.
    const agents = await pending(here, { claims: { owner_email: 'Ann@Example.com' } })
    const owner = await say(here, 'ann', agents)
    expect([owner.status, owner.body['code']]).toEqual([403, 'approval_not_yours'])
    expect((await say(here, 'bob', agents)).status).toBe(200)
  })

  test('nobody decides with a token that leaves out who they are, nor for one', async () => {
    const own = await pending(here, { claims: { owner_email: 'ann@example.com' } })
    const silent = await say(here, 'ann-2', own, {}, { groups: ['dba'], email: undefined })
    expect([silent.status, silent.body['code']]).toEqual([403, 'approval_not_yours'])
    expect(silent.text).toContain('your token has no claim email')

    const unnamed = await pending(here, { claims: { owner_email: undefined } })
    const answer = await say(here, 'bob', unnamed)
    expect([answer.status, answer.body['code']]).toEqual([403, 'approval_not_yours'])
    expect(answer.text).toContain('whoever asked has no claim owner_email')
  })

  test('nobody decides for an agent that acts for them, or through which they act', async () => {
    const acting = await pending(here, { claims: { act: { sub: 'ann' } } })
    expect((await say(here, 'ann', acting)).body['code']).toBe('approval_not_yours')
    const deeper = await pending(here, {
      claims: { act: { sub: 'planner', act: { sub: 'ann@example.com' } } },
    })
    expect((await say(here, 'ann', deeper)).body['code']).toBe('approval_not_yours')
    const elsewhere = await pending(here, {
      claims: { act: { sub: 'ann', iss: 'https://elsewhere.example' } },
    })
    expect((await say(here, 'ann', elsewhere)).status).toBe(200)
  })

  test('nobody counts twice, and each group needs somebody of its own', async () => {
    const asked = await pending(here, inDev('Two people.'))
    const first = await say(here, 'bob', asked)
    expect([first.status, first.body['status']]).toEqual([200, 'pending'])
    expect((await say(here, 'bob', asked, { group: 'security' })).body['code']).toBe(
      'approval_not_yours',
    )
    expect((await say(here, 'ann', asked)).body['code']).toBe('approval_not_yours')
    expect((await poll(here, asked.code)).body['error']).toBe('authorization_pending')
    const second = await say(here, 'cleo', asked)
    expect([second.status, second.body['status']]).toEqual([200, 'approved'])
    expect((await poll(here, asked.code)).status).toBe(200)
  })

  test('one denial is enough, also after an approval', async () => {
    const asked = await pending(here, inDev('Denied by the second.'))
    await say(here, 'ann', asked)
    expect((await say(here, 'cleo', asked, { verdict: 'deny' })).body['status']).toBe('denied')
    expect((await poll(here, asked.code)).body['error']).toBe('access_denied')
  })
})

describe('who is no approver', () => {
  test.each([
    ['a person of another group', 'dora', {}],
    ['a person without groups', 'dora', { groups: [] }],
    ['a person with the group in another claim', 'dora', { group: 'dba', role: 'approver' }],
    ['a person with a group of a similar name', 'dora', { groups: ['dba2', ' dba', 'DBA'] }],
    ['a delegated token', 'ann', { act: { sub: 'bot' } }],
  ])('%s', async (what, name, claims) => {
    const asked = await pending(here, inDev(`Not for ${what}.`))
    const { status, body } = await say(here, name, asked, {}, claims)
    expect([status, body['code']]).toEqual([403, 'approval_not_yours'])
    expect((await show(here, 'ann', asked.id)).body['verdicts']).toEqual([])
  })

  test.each(['agent', 'other agent', 'local', 'ci', 'workload'])('class of %s', async (who) => {
    const asked = await pending(here)
    const { headers } = bearer(await tokenNow(here, who, { role: 'approver', groups: ['dba'] }))
    const path = `${here.url}/v1/approvals`
    const init = { headers: { ...headers, 'content-type': 'application/json' } }
    const body = JSON.stringify({ verdict: 'approve', plan: asked.plan })
    const answers = [
      await send(path, init),
      await send(`${path}/${asked.id}`, init),
      await send(`${path}/${asked.id}`, { ...init, method: 'POST', body }),
      await send(path, {
        ...init,
        method: 'POST',
        body: JSON.stringify({ verdict: 'approve', requests: [asked] }),
      }),
      await send(`${path}/${asked.id}`, { ...init, method: 'DELETE' }),
    ]
    expect(answers.map(({ status }) => status)).toEqual([403, 403, 403, 403, 403])
    expect(answers.map(({ body: answer }) => answer['code'])).toEqual(
      answers.map(() => 'caller_not_permitted'),
    )
  })

  test.each(['human', 'operator', 'auditor'])('a person with the role of %s', async (who) => {
    const asked = await pending(here)
    const { headers } = bearer(await tokenNow(here, who))
    const { status } = await send(`${here.url}/v1/approvals/${asked.id}`, {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/json' },
      body: JSON.stringify({ verdict: 'approve', plan: asked.plan }),
    })
    expect(status).toBe(403)
  })
})

describe('production', () => {
  const task = { scope: 'release', environment: 'prod', intent: 'Note the release.' }

  test('wants a login of the last minutes, and a reason', async () => {
    const asked = await pending(here, { who: 'ci', task: { ...task, parameters: {} } })
    const old = Math.floor(here.clock.now().getTime() / 1000) - 901
    const stale = await say(here, 'ann', asked, { reason: 'Fine.' }, { auth_time: old })
    expect([stale.status, stale.body['code']]).toEqual([401, 'authentication_insufficient'])
    expect(stale.headers.get('www-authenticate')).toContain('max_age="900"')
    const without = await say(here, 'ann', asked, { reason: 'Fine.' }, { auth_time: undefined })
    expect(without.body['code']).toBe('authentication_insufficient')
    for (const reason of [undefined, '   ']) {
      const silent = await say(here, 'ann', asked, reason === undefined ? {} : { reason })
      expect([silent.status, silent.body['code']]).toEqual([400, 'request_invalid'])
    }
    expect((await say(here, 'ann', asked, { reason: 'Fine.' })).body['status']).toBe('approved')
    expect((await poll(here, asked.code, 'ci')).status).toBe(200)
  })

  test('is never for an agent, whoever agrees', async () => {
    const { body } = await askFor(here, { task: { ...task, parameters: {} } })
    expect(body['error']).toBe('access_denied')
    expect(body).not.toHaveProperty('approval')
  })
})

test('one caller has fifty requests waiting at most, so that others are seen', async () => {
  const who = 'other agent'
  for (let count = 0; count < 50; count += 1) await pending(here, { who })
  const { body } = await askFor(here, { who, task: { ...PURGE, intent: 'The fifty-first.' } })
  expect([body['error'], (body['reasons'] as { code: string }[])[0]?.code]).toEqual([
    'access_denied',
    'too_many_waiting',
  ])
  await pending(here, { who: 'local' })
})
