import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { bearer, send, type World } from '../api/world.ts'
import { testPostgres } from '../support/postgres.ts'
import { approvalWorld, askFor, PURGE, poll, say, show, tokenNow } from './world.ts'

/** Emergencies: two people, soon over, loud, and never an agent's. */
const postgres = testPostgres()
let here: World
let without: World

const never = {
  name: 'never',
  when: { verbs: ['delete' as const] },
  refuse: 'Nobody deletes here.',
}

beforeAll(async () => {
  here = await approvalWorld(postgres, {
    thresholds: [never],
    breakGlass: { group: 'dba', ttl: 300 },
  })
  without = await approvalWorld(postgres, { thresholds: [never] })
}, 90_000)
afterAll(async () => {
  await here?.close()
  await without?.close()
})

const glass = (intent: string) => ({ ...PURGE, intent, break_glass: true })
const codes = (body: Record<string, unknown>) =>
  (body['reasons'] as { code: string }[]).map(({ code }) => code)

describe('an emergency', () => {
  test('takes another person, and then lifts a rule that refuses, for minutes', async () => {
    const calm = await askFor(here, { who: 'human', task: { ...PURGE, intent: 'Calm.' } })
    expect(codes(calm.body)).toEqual(['threshold_refused'])

    const asked = await askFor(here, { who: 'human', task: glass('The shop is down.') })
    expect(asked.body['error']).toBe('authorization_pending')
    const { id } = asked.body['approval'] as { id: string }
    const shown = await show(here, 'ann', id)
    expect(shown.body).toMatchObject({ break_glass: true, reason_required: true })
    expect(shown.body['needs']).toEqual([{ group: 'dba', count: 1, given: 0 }])

    const plan = String(shown.body['plan'])
    const old = Math.floor(here.clock.now().getTime() / 1000) - 901
    const stale = await say(here, 'ann', { id, plan }, { reason: 'Yes.' }, { auth_time: old })
    expect(stale.body['code']).toBe('authentication_insufficient')
    const own = await say(
      here,
      'person-1',
      { id, plan },
      { reason: 'I say so.' },
      { groups: ['dba'] },
    )
    expect(own.body['code']).toBe('approval_not_yours')
    expect((await say(here, 'ann', { id, plan }, { reason: 'It is down.' })).status).toBe(200)

    const granted = await poll(here, String(asked.body['deferral_code']), 'human')
    expect(granted.status).toBe(200)
    expect(granted.body['expires_in']).toBe(300)
    expect((granted.body['authorization_details'] as object[])[0]).toMatchObject({
      break_glass: true,
    })
    const fetched = await send(
      `${here.url}/v1/credentials/exports`,
      bearer(String(granted.body['access_token'])),
    )
    expect(fetched.status).toBe(200)
  })

  test('is loud: entries, a metric and a warning', async () => {
    const asked = await askFor(here, { who: 'human', task: glass('Loud.') })
    const { id } = asked.body['approval'] as { id: string }
    const { rows } = await postgres
      .pool(here.ledgerDatabase)
      .query('SELECT body FROM credctl_ledger.entries WHERE grant_id = $1', [id])
    expect(JSON.parse(rows[0].body.toString())).toMatchObject({ break_glass: true })
    const { text } = await send(`${here.url}/metrics`)
    expect(text).toMatch(/credctl_break_glass_total\{outcome="needs_approval"\} [1-9]/)
    expect(here.log()).toContain('break-glass: an emergency is claimed')
  })

  test.each(['agent', 'local', 'ci'])('is never one of class %s', async (who) => {
    const { body } = await askFor(here, { who, task: glass(`Claimed by ${who}.`) })
    expect([body['error'], codes(body)]).toEqual(['access_denied', ['break_glass_refused']])
  })

  test('is never claimed through somebody else', async () => {
    const claims = { act: { sub: 'bot' } }
    const { body } = await askFor(here, { who: 'human', claims, task: glass('Through a bot.') })
    expect(codes(body)).toEqual(['break_glass_refused'])
  })

  test('lifts no rule about callers', async () => {
    const { body } = await askFor(here, {
      who: 'human',
      claims: { team: 'billing' },
      task: glass('Of another team.'),
    })
    expect(body['error']).toBe('access_denied')
    expect(codes(body)).toEqual(['scope_unknown'])
  })

  test('is nobody’s where none are configured', async () => {
    const { body } = await askFor(without, { who: 'human', task: glass('Not here.') })
    expect(codes(body)).toEqual(['break_glass_refused'])
  })

  test('is another request than the same without one', async () => {
    const token = await tokenNow(here, 'human')
    const { headers } = bearer(token)
    const planned = await send(`${here.url}/v1/plans`, {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/json' },
      body: JSON.stringify(glass('Look first.')),
    })
    expect([planned.status, planned.body['decision']]).toEqual([200, 'needs_approval'])
    expect(planned.body['needs']).toEqual([{ group: 'dba', count: 1 }])
    const no = await askFor(here, { who: 'human', task: { ...glass('No.'), break_glass: false } })
    expect(no.body['error']).toBe('invalid_authorization_details')
  })
})
