import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { bearer, send, type World } from '../api/world.ts'
import { testPostgres } from '../support/postgres.ts'
import {
  approvalWorld,
  askFor,
  chain,
  PURGE,
  pending,
  personToken,
  poll,
  say,
  show,
  tokenNow,
} from './world.ts'

const postgres = testPostgres()
let here: World

beforeAll(async () => {
  here = await approvalWorld(postgres)
}, 60_000)
afterAll(() => here?.close())

describe('a request that needs approval', () => {
  test('waits, is approved by a person, and then gives a grant and a credential', async () => {
    const asked = await pending(here)
    const approved = await say(here, 'dora', asked, { reason: 'Ticket checked.' })
    expect([approved.status, approved.body['status']]).toEqual([200, 'approved'])

    const granted = await poll(here, asked.code)
    expect(granted.status).toBe(200)
    const token = String(granted.body['access_token'])
    const fetched = await send(`${here.url}/v1/credentials/orders-db`, bearer(token))
    expect(fetched.status).toBe(200)
    expect(await chain(here, asked.id)).toEqual([
      'grant.decided needs_approval',
      'approval.given approve',
      'grant.decided allow',
      'credential.requested',
      'credential.minted',
    ])
  })

  test('never gives anything without it', async () => {
    const asked = await pending(here)
    for (let times = 0; times < 3; times += 1) {
      const { status, body } = await poll(here, asked.code)
      expect([status, body['error']]).toEqual([400, 'authorization_pending'])
    }
    expect(await chain(here, asked.id)).toEqual([])
    expect((await show(here, 'ann', asked.id)).body['status']).toBe('pending')
  })

  test('gives nothing once it is denied, and says so again to whoever asks again at once', async () => {
    const task = { ...PURGE, intent: 'Denied before, and asked again.' }
    const asked = await pending(here, { task })
    expect((await say(here, 'ann', asked, { verdict: 'deny' })).body['status']).toBe('denied')
    expect((await poll(here, asked.code)).body['error']).toBe('access_denied')
    const again = await askFor(here, { task })
    expect([again.status, again.body['error']]).toEqual([400, 'access_denied'])
    expect(again.body['reasons']).toEqual([
      { code: 'approval_denied', message: expect.stringContaining('denied exactly this') },
    ])
  })

  test('is over after its time, approved or not', async () => {
    const waits = await pending(here)
    const approved = await pending(here)
    await say(here, 'ann', approved)
    here.clock.move(3_601_000)
    expect((await poll(here, waits.code)).body['error']).toBe('expired_token')
    expect((await poll(here, approved.code)).body['error']).toBe('expired_token')
    const late = await say(here, 'ann', waits)
    expect([late.status, late.body['code']]).toEqual([409, 'approval_settled'])
  })

  test('shows the same letters to both sides', async () => {
    const asked = await pending(here)
    const shown = await show(here, 'ann', asked.id)
    expect(asked.bindingCode).toMatch(/^[0-9A-Z]{4}-[0-9A-Z]{4}$/)
    expect(shown.body['binding_code']).toBe(asked.bindingCode)
  })

  test('is joined by the same request made again, and by no other', async () => {
    const task = { ...PURGE, intent: 'Asked twice.' }
    const first = await pending(here, { task })
    const second = await pending(here, { task })
    expect(second.id).toBe(first.id)
    const others = [
      { task: { ...task, intent: 'Asked twice!' } },
      { task: { ...task, parameters: { ticket: 'ORD-2' } } },
      { task: { ...task, environment: 'dev' } },
      { task, who: 'other agent' },
      { task, who: 'local' },
    ]
    const ids = await Promise.all(others.map(async (each) => (await pending(here, each)).id))
    expect(new Set([first.id, ...ids]).size).toBe(6)
  })

  test('is taken back by whoever made it, and by no other caller', async () => {
    const asked = await pending(here)
    const remove = async (who: string) =>
      await send(`${here.url}/v1/grants/${asked.id}`, {
        method: 'DELETE',
        ...bearer(await tokenNow(here, who)),
      })
    expect((await remove('other agent')).status).toBe(404)
    expect((await remove('ci')).status).toBe(404)
    expect((await remove('agent')).status).toBe(200)
    expect((await poll(here, asked.code)).body['error']).toBe('access_denied')
    expect((await say(here, 'ann', asked)).body['code']).toBe('approval_settled')
  })
})

describe('a client that does not wait', () => {
  test('is told what to do, and gets the grant with the same request once it is approved', async () => {
    const task = { ...PURGE, intent: 'Does not wait.' }
    const first = await askFor(here, { deferred: false, task })
    expect([first.status, first.body['error']]).toEqual([400, 'access_denied'])
    expect(first.body['code']).toBe('approval_required')
    expect(first.body).not.toHaveProperty('deferral_code')
    const { id } = first.body['approval'] as { id: string }
    expect(first.body['error_uri']).toBe(`${here.url}/v1/approvals/${id}`)
    const plan = String((await show(here, 'ann', id)).body['plan'])
    await say(here, 'ann', { id, plan })
    const second = await askFor(here, { deferred: false, task })
    expect(second.status).toBe(200)
    const [details] = second.body['authorization_details'] as [{ grant: string }]
    expect(details.grant).toBe(id)
    const third = await askFor(here, { deferred: false, task })
    expect(third.body['code']).toBe('approval_required')
    expect((third.body['approval'] as { id: string }).id).not.toBe(id)
  })
})

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

function respelt(last: string): string {
  return ALPHABET[ALPHABET.indexOf(last) + 1] ?? ''
}

describe('a deferral code', () => {
  test('is good once', async () => {
    const asked = await pending(here)
    await say(here, 'ann', asked)
    expect((await poll(here, asked.code)).status).toBe(200)
    expect((await poll(here, asked.code)).body['error']).toBe('invalid_grant')
  })

  test('is nobody else’s: another identity, no identity, another code', async () => {
    const asked = await pending(here)
    await say(here, 'ann', asked)
    const other = await pending(here, { who: 'other agent' })
    const tries = [
      await poll(here, asked.code, 'other agent'),
      await poll(here, asked.code, 'ci'),
      await poll(here, other.code),
      await poll(
        here,
        asked.code.replace(/.$/, (last) => (last === 'A' ? 'E' : 'A')),
      ),
      // Another spelling of the same bytes: the last character has two bits that mean nothing.
      await poll(here, asked.code.replace(/.$/, respelt)),
      await poll(here, asked.code.replace(asked.id, other.id)),
      await poll(here, asked.id),
      await poll(here, asked.code, 'agent', { client_assertion: '', client_assertion_type: '' }),
    ]
    expect(tries.map(({ body }) => body['error'])).toEqual(tries.map(() => 'invalid_grant'))
    expect((await poll(here, asked.code)).status).toBe(200)
  })

  test('does not go with what was said before, nor with half an assertion', async () => {
    const asked = await pending(here)
    for (const more of [
      { subject_token: 'x' },
      { authorization_details: '[]' },
      { audience: 'https://elsewhere' },
    ]) {
      const { body } = await poll(here, asked.code, 'agent', more as Record<string, string>)
      expect(body['error']).toBe('invalid_request')
    }
    const half = await poll(here, asked.code, 'agent', { client_assertion_type: '' })
    expect(half.body['error']).toBe('invalid_request')
    const bad = await poll(here, asked.code, 'agent', { client_assertion: 'e30.e30.e30' })
    expect(bad.body['error']).toBe('invalid_client')
  })

  test('polled too soon slows down for good', async () => {
    const asked = await pending(here)
    await poll(here, asked.code)
    here.clock.move(-5_000)
    expect((await poll(here, asked.code)).body['error']).toBe('slow_down')
    expect((await poll(here, asked.code)).body['error']).toBe('slow_down')
    here.clock.move(20_000)
    expect((await poll(here, asked.code)).body['error']).toBe('authorization_pending')
  })

  test('of a caller whose claims changed gives nothing, and takes nothing from the one that asked', async () => {
    const asked = await pending(here)
    await say(here, 'ann', asked)
    const changed = await poll(here, asked.code, 'agent', {}, { team: 'billing' })
    expect(changed.status).toBe(400)
    expect((await poll(here, asked.code)).status).toBe(200)
  })
})

describe('people', () => {
  test('see what waits for them, without their own and without what is over', async () => {
    const asked = await pending(here)
    const list = async (name: string, query = '?mine=true', claims = {}) => {
      const token = await personToken(here, name, claims)
      const { body } = await send(`${here.url}/v1/approvals${query}`, bearer(token))
      return (body['approvals'] as { id: string; hindrance?: string }[]).map(({ id }) => id)
    }
    expect(await list('dora')).toContain(asked.id)
    expect(await list('dora', '?mine=true&environment=dev')).not.toContain(asked.id)
    // Without a role a person sees nothing but requests of their own.
    expect(await list('eve', '', { role: 'nothing' })).toEqual([])
    await say(here, 'ann', asked)
    expect(await list('dora')).not.toContain(asked.id)
    expect(await list('dora', '?status=approved')).toContain(asked.id)
  })

  test('are shown the plan in full, and never a secret', async () => {
    const asked = await pending(here)
    const { body, text } = await show(here, 'ann', asked.id)
    const contents = body['contents'] as { digest: string; targets: Record<string, unknown> }
    expect(contents.digest).toBe(asked.plan)
    expect(Object.keys(contents.targets)).toEqual(['exports', 'orders-db'])
    expect(text).not.toMatch(/password|eyJ/)
  })

  test('decide several requests at once, each recorded or refused by itself', async () => {
    const first = await pending(here)
    const second = await pending(here)
    const done = await pending(here)
    await say(here, 'cleo', done)
    const { headers } = bearer(await personToken(here, 'ann'))
    const { status, body } = await send(`${here.url}/v1/approvals`, {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/json' },
      body: JSON.stringify({
        verdict: 'approve',
        requests: [first, done, { ...second, plan: `sha256:${'0'.repeat(64)}` }].map(
          ({ id, plan }) => ({ id, plan }),
        ),
      }),
    })
    expect(status).toBe(200)
    expect(body['results']).toEqual([
      { id: first.id, status: 'approved' },
      { id: done.id, code: 'approval_settled', detail: expect.any(String) },
      { id: second.id, code: 'plan_changed', detail: expect.any(String) },
    ])
  })
})
