import pg from 'pg'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type DryRun, startDryRun } from '../../../src/cli/exec/dry-run/dry-run.ts'
import { testPostgres } from '../../support/postgres.ts'

/** Sessions in which the server reads a text otherwise than the grammar does that looks at it. */
const postgres = testPostgres()

let real: pg.Pool
let dryRun: DryRun
let client: pg.Client

beforeEach(async () => {
  const database = await postgres.database('encodings')
  real = postgres.pool(database)
  await real.query('CREATE TABLE lines (n int); INSERT INTO lines SELECT generate_series(1, 15)')
  const { host, port, user, password } = postgres
  const rest = { sslmode: 'disable', uri: '', options: '' }
  dryRun = await startDryRun({ host, port, database, user, password, ...rest })
  const { credential } = dryRun
  client = new pg.Client({ host, port: credential.port, database, user, ...pick(credential) })
  client.on('error', () => undefined)
  await client.connect()
})

afterEach(async () => {
  client.connection.stream.destroy()
  await dryRun.close()
})

function pick({ password }: { readonly password: string }) {
  return { password }
}

async function left(): Promise<number> {
  const { rows } = await real.query<{ n: number }>('SELECT count(*)::int AS n FROM lines')
  return rows[0]?.n ?? -1
}

describe('a string for one reader is a commit for the other:', () => {
  test.each([
    ['backslashes escape', 'SET standard_conforming_strings = off', String.raw`'\'';COMMIT;--'`],
    ['Shift JIS', "SET client_encoding = 'SJIS'", String.raw`E'Á\';COMMIT;--'`],
    ['Big5', "SET client_encoding = 'BIG5'", String.raw`E'中\';COMMIT;--'`],
    ['GBK', "SET client_encoding = 'GBK'", String.raw`E'中\';COMMIT;--'`],
    [
      'by a function',
      "SELECT set_config('client_encoding', 'SJIS', false)",
      String.raw`E'Á\';COMMIT;--'`,
    ],
  ])('%s', async (_what, setting, text) => {
    await client.query(setting)
    await client.query(`DELETE FROM lines RETURNING ${text}`).catch(() => undefined)
    expect(await left()).toBe(15)
  })
})
