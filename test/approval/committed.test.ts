import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { COMMITTED } from '../../src/ledger/commitment.ts'
import { httpLog, parseVkey, verifyLog } from '../../src/ledger/verify.ts'
import { eventsFrom, headOf } from '../../src/publish/export/read.ts'
import { type World, world } from '../api/world.ts'
import { testPostgres } from '../support/postgres.ts'
import { PURGE, pending, poll, SCOPES, say, show, withApprovers } from './world.ts'

/** Approvals where the log holds neither what was asked for nor the claims that tell people apart. */
const postgres = testPostgres()
const commit = [
  'intent',
  'parameters.ticket',
  'claims.email',
  'claims.owner_email',
  'claims.groups',
  'claims.team',
]
let here: World

beforeAll(async () => {
  here = await world(postgres, {
    scopes: SCOPES,
    configure: (config) => withApprovers({ ...config, privacy: { redact: [], commit } }),
  })
}, 60_000)
afterAll(() => here?.close())

async function entries(): Promise<string> {
  const reader = httpLog(`${here.url}/log`)
  const lines: string[] = []
  for await (const { bytes } of eventsFrom(reader, 0, await headOf(reader))) {
    lines.push(Buffer.from(bytes).toString())
  }
  return lines.join('\n')
}

describe('a request whose values are committed to', () => {
  test('is read, approved and redeemed like any other', async () => {
    const asked = await pending(here, { task: PURGE })
    expect((await show(here, 'ann', asked.id)).body).toMatchObject({
      intent: PURGE.intent,
      parameters: PURGE.parameters,
    })
    const word = await say(here, 'ann', asked)
    expect(word.status, word.text).toBe(200)
    const answer = await poll(here, asked.code)
    expect(answer.status, answer.text).toBe(200)
  })

  test('is not approved by the person behind the agent that asked', async () => {
    const asked = await pending(here, { claims: { owner_email: 'ann@example.com' } })
    const own = await say(here, 'ann', asked)
    expect(own.status, own.text).toBe(403)
    const other = await say(here, 'bob', asked)
    expect(other.status, other.text).toBe(200)
  })

  test('leaves none of the values in the log, which verifies', async () => {
    const text = await entries()
    expect(text).toContain('"kind":"approval.given"')
    expect(text).toContain(COMMITTED)
    for (const hidden of [PURGE.intent, 'ORD-1', '@example.com', '"dba"]']) {
      expect([hidden, text.includes(hidden)]).toEqual([hidden, false])
    }
    const keys = [parseVkey(here.running.vkey)]
    const { ok, findings } = await verifyLog(httpLog(`${here.url}/log`), { keys })
    expect({ ok, findings }).toEqual({ ok: true, findings: [] })
  })
})
