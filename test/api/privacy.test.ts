import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { EXPORT_FORMATS } from '../../src/config/exports.ts'
import type { Privacy } from '../../src/config/privacy.ts'
import { COMMITTED, isOpening } from '../../src/ledger/commitment.ts'
import { httpLog, parseVkey, verifyLog } from '../../src/ledger/verify.ts'
import { formatNamed } from '../../src/publish/export/formats.ts'
import { eventsFrom, headOf } from '../../src/publish/export/read.ts'
import { seededKey } from '../ledger/seeded-key.ts'
import { testPostgres } from '../support/postgres.ts'
import {
  bearer,
  exchange,
  form,
  send,
  TASK,
  tokenOf,
  type World,
  withCallers,
  world,
} from './world.ts'

/** What callers paste, and what an operator committed to instead of recording it. */
const postgres = testPostgres()
let here: World

const key = (tail: string) => ['AKIA', 'Q4XBNM2JKL7PW', tail].join('')
const PLANTED = {
  intent: key('TYA'),
  scope: key('TYB'),
  environment: key('TYC'),
  parameter: key('TYD'),
  name: key('TYE'),
  nested: key('TYF'),
}
const PRIVACY: Privacy = { redact: ['email'], commit: ['intent', 'claims.team'] }
const EXPORTS = { ...TASK, scope: 'exports', parameters: { ticket: 'AB-1' } }
const COMMITTED_INTENT = 'Because the customer Erika Mustermann asked for it.'

beforeAll(async () => {
  here = await world(postgres, {
    configure: (config) => withCallers({ ...config, privacy: PRIVACY }),
  })
}, 60_000)
afterAll(() => here?.close())

async function ask(task: object, who = 'agent') {
  return await exchange(here.url, form(await tokenOf(here, who), task))
}

async function auditor(): Promise<{ headers: Record<string, string> }> {
  return bearer(await tokenOf(here, 'auditor'))
}

async function operator(): Promise<{ headers: Record<string, string> }> {
  return bearer(await tokenOf(here, 'operator'))
}

async function everyRow(): Promise<Map<string, string>> {
  const pool = postgres.pool(here.ledgerDatabase)
  const { rows } = await pool.query<{ name: string }>(
    `SELECT format('%I.%I', table_schema, table_name) AS name FROM information_schema.tables
     WHERE table_schema NOT IN ('pg_catalog', 'information_schema')`,
  )
  const texts = new Map<string, string>()
  for (const { name } of rows) {
    const found = await pool.query(`SELECT * FROM ${name}`)
    const text = JSON.stringify(found.rows, (_key, value: unknown) => {
      if (typeof value !== 'object' || value === null || !('data' in value)) return value
      return Buffer.from(value.data as number[]).toString('latin1')
    })
    texts.set(name, text)
  }
  return texts
}

async function everyExport(): Promise<Map<string, string>> {
  const reader = httpLog(`${here.url}/log`)
  const texts = new Map<string, string>()
  for (const name of EXPORT_FORMATS) {
    const format = formatNamed(name, name === 'dsse' ? seededKey(9) : undefined)
    const lines: string[] = []
    for await (const event of eventsFrom(reader, 0, await headOf(reader))) {
      const line = format.line(event)
      lines.push(
        name === 'dsse' ? Buffer.from(JSON.parse(line).payload, 'base64').toString() : line,
      )
    }
    texts.set(name, lines.join('\n'))
  }
  return texts
}

describe('a secret that a caller pastes', () => {
  const answers: string[] = []

  beforeAll(async () => {
    const { intent, scope, environment, parameter, name, nested } = PLANTED
    const tries = [
      { ...TASK, intent: `use ${intent} for a@example.com` },
      { ...TASK, scope },
      { ...TASK, environment },
      { ...EXPORTS, parameters: { ticket: parameter } },
      { ...EXPORTS, parameters: { ...EXPORTS.parameters, [name]: 'x' } },
      { ...TASK, parameters: { [nested]: { deeper: nested } } },
      { ...TASK, [nested]: 'x' },
    ]
    for (const task of tries) {
      answers.push((await ask(task)).text)
      const token = await tokenOf(here, 'agent')
      const plan = await send(`${here.url}/v1/plans`, {
        method: 'POST',
        body: JSON.stringify(task),
        headers: { ...bearer(token).headers, 'content-type': 'application/json' },
      })
      answers.push(plan.text)
    }
  }, 60_000)

  test('is in no table, tile, export, line of the log or answer', async () => {
    const places = new Map([
      ...(await everyRow()),
      ...(await everyExport()),
      ['log lines', here.log()],
      ['answers', answers.join('\n')],
      ['metrics', (await send(`${here.url}/metrics`)).text],
    ])
    expect(places.get('credctl_ledger.entries')).toContain('[redacted:aws-access-key]')
    expect(places.get('credctl_ledger.openings')).toContain('[redacted:email]')
    for (const [place, text] of places) {
      for (const [where, secret] of Object.entries(PLANTED)) {
        expect([place, where, text.includes(secret)]).toEqual([place, where, false])
      }
      expect([place, text.includes('a@example.com')]).toEqual([place, false])
    }
  })

  test('in an intent costs the caller nothing but the news', async () => {
    const { status, body } = await ask({ ...TASK, intent: `use ${PLANTED.intent} for it` })
    expect(status).toBe(200)
    const [details] = body['authorization_details'] as Record<string, unknown>[]
    expect(details).toMatchObject({
      intent: 'use [redacted:aws-access-key] for it',
      redacted: [{ at: 'intent', type: 'aws-access-key' }],
    })
  })

  test.each(['parameters', 'names'])(
    'in %s is refused, since it would fill a policy',
    async (in_) => {
      const secret = PLANTED.parameter
      const parameters = in_ === 'names' ? { [secret]: 'x' } : { ticket: secret }
      const { status, body } = await ask({ ...EXPORTS, parameters })
      expect(status).toBe(400)
      const [reason] = body['reasons'] as { code: string }[]
      expect(reason?.code).toBe('secret_in_parameter')
    },
  )
})

describe('a value that the operator commits to', () => {
  async function granted(intent: string) {
    const { body, status } = await ask({ ...TASK, intent })
    expect(status).toBe(200)
    const [details] = body['authorization_details'] as { grant: string }[]
    return { id: details?.grant ?? '', token: String(body['access_token']) }
  }

  test('is readable for the grant, and in no published byte', async () => {
    const { id, token } = await granted(COMMITTED_INTENT)
    const shown = await send(`${here.url}/v1/grants/${id}`, bearer(token))
    expect(shown.body['intent']).toBe(COMMITTED_INTENT)
    const login = await send(`${here.url}/v1/credentials/orders-db`, bearer(token))
    expect(login.status, login.text).toBe(200)
    const receipts = await send(`${here.url}/v1/grants/${id}/receipts`, bearer(token))
    const texts = [receipts.text, ...(await everyExport()).values(), here.log()]
    for (const text of texts) expect(text).not.toContain('Mustermann')
    expect((await everyExport()).get('jsonl')).toContain(`"intent":"${COMMITTED}"`)
  })

  test('is proven to an auditor by what is beside the log', async () => {
    const { id, token } = await granted(COMMITTED_INTENT)
    const { body } = await send(`${here.url}/v1/grants/${id}/openings`, await auditor())
    const receipts = await send(`${here.url}/v1/grants/${id}/receipts`, bearer(token))
    const [first] = receipts.body['receipts'] as { entry: string }[]
    const entry = JSON.parse(first?.entry ?? '')
    const openings = body['openings'] as {
      at: string
      commitment: `sha256:${string}`
      salt: string
      value: string
    }[]
    expect(openings.map(({ at }) => at)).toEqual(['claims.team', 'intent'])
    for (const { salt, ...opening } of openings) {
      expect(entry.committed[opening.at]).toBe(opening.commitment)
      expect(isOpening({ ...opening, salt: Buffer.from(salt, 'base64') })).toBe(true)
    }
  })

  test('is erased for everybody once the grant is over, and the log still verifies', async () => {
    const { id, token } = await granted(COMMITTED_INTENT)
    const url = `${here.url}/v1/grants/${id}`
    const early = await send(`${url}/openings`, { method: 'DELETE', ...(await operator()) })
    expect(early.body['code']).toBe('request_invalid')
    await send(url, { method: 'DELETE', ...bearer(token) })
    const erased = await send(`${url}/openings`, { method: 'DELETE', ...(await operator()) })
    expect(erased.body).toMatchObject({ id, erased: 2 })
    const again = await send(`${url}/openings`, { method: 'DELETE', ...(await operator()) })
    expect(again.body).toMatchObject({ id, erased: 0 })
    const record = (await everyExport()).get('jsonl')?.split('\n').at(-1) ?? ''
    expect(JSON.parse(record).entry).toMatchObject({
      kind: 'openings.erased',
      of: id,
      erased: 2,
      by: { subject: 'person-2', claims: {} },
    })
    const after = await send(url, await auditor())
    expect(after.body['intent']).toBe(COMMITTED)
    expect((await send(`${url}/openings`, await auditor())).body['openings']).toEqual([])
    const keys = [parseVkey(here.running.vkey)]
    const { ok, findings } = await verifyLog(httpLog(`${here.url}/log`), { keys })
    expect({ ok, findings }).toEqual({ ok: true, findings: [] })
  })

  test('of a refused request is committed to as well', async () => {
    const { body } = await ask({ ...TASK, environment: 'prod', intent: COMMITTED_INTENT })
    const openings = await send(`${here.url}/v1/grants/${body['grant']}/openings`, await auditor())
    expect(openings.text).toContain('Mustermann')
    expect((await everyExport()).get('jsonl')).not.toContain('Mustermann')
  })
})

test('a retention erases what is older, by itself and on the record', async () => {
  const privacy = { ...PRIVACY, retention: 86_400_000 }
  const broker = await world(postgres, {
    configure: (config) => withCallers({ ...config, privacy }),
    reconcileEveryMs: 10,
  })
  try {
    const token = await tokenOf(broker, 'agent')
    const { body } = await exchange(broker.url, form(token, TASK))
    const [details] = body['authorization_details'] as { grant: string }[]
    broker.clock.move(2 * 86_400_000)
    const table = postgres.pool(broker.ledgerDatabase)
    const left = async () => {
      const { rows } = await table.query('SELECT count(*)::int AS n FROM credctl_ledger.openings')
      return rows[0]?.n
    }
    await expect.poll(left, { timeout: 15_000 }).toBe(0)
    const last = async () => {
      const reader = httpLog(`${broker.url}/log`)
      const kinds: string[] = []
      for await (const { entry } of eventsFrom(reader, 0, await headOf(reader))) {
        kinds.push(entry.kind === 'openings.erased' ? `${entry.kind} ${entry.of}` : entry.kind)
      }
      return kinds
    }
    await expect.poll(last, { timeout: 15_000 }).toContain('openings.erased all')
    expect(details?.grant).toBeDefined()
  } finally {
    await broker.close()
  }
}, 60_000)

test('the documentation says how a commitment is made', async () => {
  const text = await readFile('docs/privacy.md', 'utf8')
  expect(text).toContain('credctl/commitment/v1')
})
