import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { RunningBroker } from '../../src/main.ts'
import { bearer, send, type World } from '../api/world.ts'
import { testPostgres } from '../support/postgres.ts'
import { approvalWorld, pending, poll, SCOPES, say, show } from './world.ts'

/** What moves while a request waits: files, time, replicas. */
const postgres = testPostgres()
let scopes = ''
let here: World
let replica: RunningBroker

beforeAll(async () => {
  scopes = await mkdtemp(join(tmpdir(), 'credctl-scopes-'))
  await cp(SCOPES, scopes, { recursive: true })
  here = await approvalWorld(postgres, {}, { scopes })
  replica = await here.replica({ clock: here.clock })
}, 60_000)
afterAll(async () => {
  await here?.close()
  await rm(scopes, { recursive: true, force: true })
})

/** The scope with another line, in force; and back again. */
async function withScope(replace: string, by: string, run: () => Promise<void>): Promise<void> {
  const file = join(scopes, 'purge-orders.yaml')
  const text = await readFile(file, 'utf8')
  if (!text.includes(replace)) throw new Error('the scope has another text')
  await writeFile(file, text.replace(replace, by))
  await here.running.reload()
  try {
    await run()
  } finally {
    await writeFile(file, text)
    await here.running.reload()
  }
}

describe('a request', () => {
  test.each([
    ['its scope gives more', '[select, delete]', '[select, update, delete]'],
    ['its scope gives it for longer', 'ttl: 15m', 'ttl: 20m'],
    ['its scope says something else', 'asked to be forgotten', 'asked to be remembered'],
    [
      'its scope names the caller no more',
      'claims: { team: orders } }',
      'claims: { team: nobody } }',
    ],
  ])('is void once %s: nobody can agree to it any more', async (_what, replace, by) => {
    const asked = await pending(here)
    await withScope(replace, by, async () => {
      const { status, body } = await say(here, 'ann', asked)
      expect([status, body['code']]).toEqual([409, 'approval_settled'])
      expect((await show(here, 'ann', asked.id)).body['status']).toBe('void')
      expect((await poll(here, asked.code)).body['error']).toBe('access_denied')
    })
    // Void for good, also when the files are as they were.
    expect((await say(here, 'ann', asked)).body['code']).toBe('approval_settled')
    expect((await poll(here, asked.code)).body['error']).toBe('access_denied')
  })

  test('that was approved gives nothing once its scope changed', async () => {
    const asked = await pending(here)
    expect((await say(here, 'ann', asked)).body['status']).toBe('approved')
    await withScope('ttl: 15m', 'ttl: 20m', async () => {
      expect((await poll(here, asked.code)).body['error']).toBe('access_denied')
    })
    expect((await poll(here, asked.code)).body['error']).toBe('access_denied')
    expect((await show(here, 'ann', asked.id)).body['status']).toBe('void')
  })

  test('that became a grant gives no credential once its scope changed', async () => {
    const asked = await pending(here)
    await say(here, 'ann', asked)
    const granted = await poll(here, asked.code)
    const token = String(granted.body['access_token'])
    await withScope('asked to be forgotten', 'asked to be remembered', async () => {
      const fetched = await send(`${here.url}/v1/credentials/exports`, bearer(token))
      expect([fetched.status, fetched.body['code']]).toEqual([403, 'approval_required'])
    })
    const fetched = await send(`${here.url}/v1/credentials/exports`, bearer(token))
    expect(fetched.status).toBe(200)
  })

  test('asked for at one replica and approved at another is redeemed at either', async () => {
    const asked = await pending(here)
    const elsewhere = { ...here, url: `http://${replica.host}:${replica.port}` }
    const approved = await say(elsewhere, 'ann', asked)
    expect([approved.status, approved.body['status']]).toEqual([200, 'approved'])
    const polls = await Promise.all([
      poll(elsewhere, asked.code),
      poll(here, asked.code),
      poll(elsewhere, asked.code),
    ])
    const errors = polls.map(({ status, body }) => (status === 200 ? 'granted' : body['error']))
    expect(errors.filter((each) => each === 'granted')).toHaveLength(1)
    expect(errors.filter((each) => each === 'invalid_grant' || each === 'slow_down')).toHaveLength(
      2,
    )
  })

  test('spoken about by several people at several replicas at once is settled once', async () => {
    const asked = await pending(here)
    const elsewhere = { ...here, url: `http://${replica.host}:${replica.port}` }
    const words = await Promise.all([
      say(here, 'ann', asked),
      say(elsewhere, 'bob', asked, { verdict: 'deny' }),
      say(here, 'cleo', asked),
      say(elsewhere, 'dora', asked, { verdict: 'deny' }),
    ])
    expect(words.map(({ status }) => status).sort()).toEqual([200, 409, 409, 409])
    const { body } = await show(here, 'ann', asked.id)
    expect(['approved', 'denied']).toContain(body['status'])
    expect(body['verdicts']).toHaveLength(1)
  })

  test('that nobody approved is ended on the record by the sweep', async () => {
    const asked = await pending(here)
    here.clock.move(3_601_000)
    await expect
      .poll(
        async () => {
          const { rows } = await postgres
            .pool(here.ledgerDatabase)
            .query('SELECT status FROM credctl_ledger.approvals WHERE id = $1', [asked.id])
          return rows[0]?.status
        },
        { timeout: 10_000 },
      )
      .toBe('expired')
  })
})
