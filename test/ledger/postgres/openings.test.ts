import { describe, expect, test } from 'vitest'
import { COMMITTED } from '../../../src/ledger/commitment.ts'
import { parseVkey } from '../../../src/ledger/note.ts'
import { verifyLog } from '../../../src/ledger/verify.ts'
import { testPostgres } from '../../support/postgres.ts'
import { allowed, at, catalogue, ended, id, T0, waiting } from '../entries.ts'
import { connectAs, migratedDatabase, openLedger, RUNTIME, signer } from './database.ts'

const postgres = testPostgres()
const COMMIT = ['intent', 'parameters.ticket', 'claims.team']
const later = (seconds: number) => new Date(T0 + seconds * 1000)

async function world() {
  const database = await migratedDatabase(postgres)
  const ledger = await openLedger(postgres, database, { commit: COMMIT })
  await ledger.append(catalogue())
  const grant = id(7)
  const { index } = await ledger.append(allowed(grant))
  return { database, ledger, grant, index }
}

async function body(database: string, index: number): Promise<string> {
  const { rows } = await postgres
    .pool(database)
    .query<{ body: Buffer }>('SELECT body FROM credctl_ledger.entries WHERE index = $1', [index])
  return rows[0]?.body.toString() ?? ''
}

describe('a committed value', () => {
  test('is not in the log, and in the state of its grant', async () => {
    const { database, ledger, grant, index } = await world()
    const text = await body(database, index)
    for (const hidden of ['Recompute', 'ORD-481', '"orders"']) expect(text).not.toContain(hidden)
    expect(text).toContain(`"intent":"${COMMITTED}"`)
    const state = await ledger.grant(grant)
    expect(state).toMatchObject({
      intent: 'Recompute totals of orders placed before the currency fix',
      parameters: { ticket: 'ORD-481' },
    })
    expect(state?.caller.claims['team']).toBe('orders')
    const [listed] = await ledger.grants({ limit: 1 })
    expect(listed?.parameters).toEqual({ ticket: 'ORD-481' })
  })

  test('that somebody changes in the database is not believed', async () => {
    const { database, ledger, grant } = await world()
    const table = 'credctl_ledger.openings'
    await postgres
      .pool(database)
      .query(`UPDATE ${table} SET value = '"admins"' WHERE at = $1`, ['claims.team'])
    const state = await ledger.grant(grant)
    expect(state?.caller.claims['team']).toBe(COMMITTED)
    expect(state?.parameters).toEqual({ ticket: 'ORD-481' })
  })

  test('stays readable while its grant lives, however old it is', async () => {
    const { ledger, grant } = await world()
    expect(await ledger.openings.eraseBefore(later(1e6))).toBe(0)
    expect(await ledger.openings.eraseOf(grant)).toBeUndefined()
    expect((await ledger.grant(grant))?.parameters).toEqual({ ticket: 'ORD-481' })
  })

  test('stays readable while its request waits for people', async () => {
    const { ledger } = await world()
    const waits = id(11)
    await ledger.append(waiting(waits), { approval: 'new' })
    expect(await ledger.openings.eraseOf(waits)).toBeUndefined()
    await ledger.openings.eraseBefore(later(1e9))
    expect((await ledger.openings.of([waits])).get(waits)?.length).toBeGreaterThan(0)
  })

  test('is unreadable for everybody once erased, and the log still verifies', async () => {
    const { database, ledger, grant, index } = await world()
    const before = await body(database, index)
    await ledger.append(ended(grant, index))
    expect(await ledger.openings.eraseBefore(later(0))).toBe(0)
    expect(await ledger.openings.eraseBefore(later(1))).toBe(3)
    const state = await ledger.grant(grant)
    expect(state).toMatchObject({ intent: COMMITTED, parameters: { ticket: COMMITTED } })
    expect((await ledger.openings.of([grant])).get(grant)).toEqual([])
    expect(await body(database, index)).toBe(before)
    const verification = await verifyLog(ledger.log, { keys: [parseVkey(signer.vkey)] })
    expect(verification).toMatchObject({ ok: true, findings: [], verified: 3 })
  })

  test('of one grant is erased alone', async () => {
    const { ledger, grant, index } = await world()
    const other = id(9)
    const { index: second } = await ledger.append(allowed(other, { time: at(1) }))
    await ledger.append(ended(grant, index))
    await ledger.append(ended(other, second))
    expect(await ledger.openings.eraseOf(grant)).toBe(3)
    expect((await ledger.grant(grant))?.intent).toBe(COMMITTED)
    expect((await ledger.grant(other))?.intent).not.toBe(COMMITTED)
  })
})

describe('the role of the broker', () => {
  test.each([
    ['change', `UPDATE credctl_ledger.openings SET at = 'intent'`],
    ['delete', 'DELETE FROM credctl_ledger.openings'],
    ['add', `INSERT INTO credctl_ledger.openings SELECT * FROM credctl_ledger.openings`],
  ])('cannot %s what is kept but through the functions', async (_what, statement) => {
    const { database } = await world()
    const client = await connectAs(postgres, database, RUNTIME)
    await expect(client.query(statement)).rejects.toMatchObject({ code: '42501' })
    await client.end()
  })

  test('cannot erase everything with no bound at all', async () => {
    const { database, ledger, grant, index } = await world()
    await ledger.append(ended(grant, index))
    const client = await connectAs(postgres, database, RUNTIME)
    await client.query('SELECT credctl_ledger.erase_openings(NULL, NULL, 100)')
    await client.end()
    expect((await ledger.openings.of([grant])).get(grant)).toHaveLength(3)
  })
})

test('what was kept for years is erased, some at a time', async () => {
  const { database, ledger } = await world()
  await postgres.pool(database).query(
    `INSERT INTO credctl_ledger.openings
     SELECT 'sha256:' || lpad(n::text, 64, '0'), 'past', 'intent', sha256(n::text::bytea), '1', $1
       FROM generate_series(1, 4001) AS n`,
    [later(-1)],
  )
  expect(await ledger.openings.eraseBefore(later(0))).toBe(4001)
})

test('an entry is not there before what opens it is kept', async () => {
  const { database, ledger, grant } = await world()
  await postgres.pool(database).query('ALTER TABLE credctl_ledger.openings RENAME TO gone')
  await expect(ledger.append(allowed(id(9)))).rejects.toMatchObject({ code: 'ledger_unavailable' })
  await postgres.pool(database).query('ALTER TABLE credctl_ledger.gone RENAME TO openings')
  expect(await ledger.grant(id(9))).toBeUndefined()
  expect(await ledger.grant(grant)).toBeDefined()
})
