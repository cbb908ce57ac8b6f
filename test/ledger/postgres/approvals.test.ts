import type pg from 'pg'
import { expect, test } from 'vitest'
import { listApprovals } from '../../../src/ledger/postgres/approvals.ts'
import { testPostgres } from '../../support/postgres.ts'
import { connectAs, migratedDatabase, OWNER } from './database.ts'

const postgres = testPostgres()

/** The statement that a listing runs. */
async function statementOf(filter: Parameters<typeof listApprovals>[1]) {
  const ran: { text: string; values: unknown[] }[] = []
  const pool = {
    query: async (text: string, values: unknown[]) => {
      ran.push({ text, values })
      return { rows: [] }
    },
  }
  await listApprovals(pool as unknown as pg.Pool, filter)
  const [statement] = ran
  if (statement === undefined) throw new Error('nothing ran')
  return statement
}

test('whoever asks for something looks at no request for anything else, however many there were', async () => {
  const owner = await connectAs(postgres, await migratedDatabase(postgres), OWNER)
  await owner.query(`
    INSERT INTO credctl_ledger.approvals
    SELECT 'R' || n, n, n, 's', 'dev', 'agent', 'agents', 'a', 'b' || n, '{approvers}',
           now() + interval '1 hour', CASE n % 2 WHEN 0 THEN 'redeemed' ELSE 'denied' END
      FROM generate_series(1, 20000) n;
    ANALYZE credctl_ledger.approvals`)
  const { text, values } = await statementOf({
    binding: 'sha256:new',
    statuses: ['pending', 'approved', 'denied'],
    endsAfter: new Date(),
    limit: 1,
  })
  const { rows } = await owner.query<{ 'QUERY PLAN': string }>(`EXPLAIN ANALYZE ${text}`, values)
  const plan = rows.map((row) => row['QUERY PLAN']).join('\n')
  await owner.end()
  expect(plan).not.toContain('Rows Removed by Filter')
}, 60_000)
