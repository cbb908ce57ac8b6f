import { expect, it } from 'vitest'
import type { Session } from '../../../src/mint/postgres/admin.ts'
import { Memberships } from '../../../src/mint/postgres/membership.ts'
import { testPostgres } from '../../support/postgres.ts'

const postgres = testPostgres()
const GROUP = 'cbs_0123456789abcdef'
const login = (index: number) => `cbg_${String(index).padStart(26, '0')}_0123456789`

/** A superuser's session that counts the statements it is given. */
function counting(): { session: Session; count: () => number } {
  const pool = postgres.pool()
  let statements = 0
  const session: Session = {
    query: async (text, values = []) => (await pool.query(text, [...values])).rows,
    batch: async (text) => {
      statements += 1
      return [(await pool.query(text)).rows]
    },
  }
  return { session, count: () => statements }
}

it('gives logins that wait together their group role in one statement', async () => {
  const { session, count } = counting()
  const logins = Array.from({ length: 20 }, (_, index) => login(index))
  await session.query(`CREATE ROLE ${GROUP}`)
  for (const each of logins) await session.query(`CREATE ROLE ${each}`)
  const memberships = new Memberships(session)
  await Promise.all(logins.map((each) => memberships.join(each, GROUP)))
  expect(count()).toBe(2)
  const rows = await session.query(
    'SELECT FROM pg_auth_members WHERE roleid = $1::regrole AND inherit_option AND NOT set_option',
    [GROUP],
  )
  expect(rows.length).toBe(20)
})

it('fails the login that is gone, and no other', async () => {
  const { session } = counting()
  for (const index of [31, 33]) await session.query(`CREATE ROLE ${login(index)}`)
  const memberships = new Memberships(session)
  const joined = await Promise.allSettled(
    [30, 31, 32, 33].map((index) => memberships.join(login(index), GROUP)),
  )
  expect(joined.map(({ status }) => status)).toEqual([
    'rejected',
    'fulfilled',
    'rejected',
    'fulfilled',
  ])
  await session.query(`CREATE ROLE ${login(30)}`)
  await memberships.join(login(30), GROUP)
})
