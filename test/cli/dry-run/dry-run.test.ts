import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import pg from 'pg'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type DryRun, startDryRun } from '../../../src/cli/exec/dry-run/dry-run.ts'
import type { PostgresCredential } from '../../../src/client/postgres.ts'
import { testPostgres } from '../../support/postgres.ts'

const postgres = testPostgres()

let real: pg.Pool
let credential: PostgresCredential
let dryRun: DryRun
const clients: pg.Client[] = []

beforeEach(async () => {
  const database = await postgres.database('dry')
  real = postgres.pool(database)
  await real.query(`
    CREATE TABLE orders (id int PRIMARY KEY, total int NOT NULL);
    CREATE TABLE lines (order_id int REFERENCES orders ON DELETE CASCADE, n int);
    INSERT INTO orders SELECT n, n * 10 FROM generate_series(1, 5) n;
    INSERT INTO lines SELECT n, m FROM generate_series(1, 5) n, generate_series(1, 3) m;
    CREATE PROCEDURE sneak() LANGUAGE plpgsql AS $$ BEGIN DELETE FROM lines; COMMIT; END $$`)
  const { host, port, user, password } = postgres
  const rest = { sslmode: 'disable', uri: '', options: '' }
  credential = { host, port, database, user, password, ...rest }
  dryRun = await startDryRun(credential)
})

afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.end().catch(() => undefined)))
  await dryRun.close()
})

async function connected(changes: Partial<pg.ClientConfig> = {}): Promise<pg.Client> {
  const { host, port, database, user, password } = dryRun.credential
  const client = new pg.Client({ host, port, database, user, password, ...changes })
  client.on('error', () => undefined)
  await client.connect()
  clients.push(client)
  return client
}

const contents = async () => {
  const { rows } = await real.query(
    'SELECT (SELECT array_agg((id, total) ORDER BY id) FROM orders)::text AS orders, (SELECT count(*) FROM lines)::int AS lines',
  )
  return rows
}

const reported = () => Object.fromEntries(dryRun.changes())

describe('a dry run', () => {
  test('shows a client what it committed, and nobody else', async () => {
    const before = await contents()
    const client = await connected()
    await client.query('UPDATE orders SET total = 0 WHERE id < 3')
    await client.query('BEGIN')
    await client.query('INSERT INTO orders VALUES ($1, $2)', [6, 60])
    await client.query('COMMIT')
    const seen = await client.query('SELECT count(*)::int AS n, sum(total)::int AS sum FROM orders')
    expect(seen.rows).toEqual([{ n: 6, sum: 180 }])
    expect(await contents()).toEqual(before)
    await client.end()
    expect(await contents()).toEqual(before)
    expect(reported()).toEqual({ 'public.orders': { inserted: 1, updated: 2, deleted: 0 } })
  })

  test('counts rows that a foreign key would take along', async () => {
    const client = await connected()
    await client.query('DELETE FROM orders WHERE id = 1')
    expect(reported()).toEqual({
      'public.orders': { inserted: 0, updated: 0, deleted: 1 },
      'public.lines': { inserted: 0, updated: 0, deleted: 3 },
    })
  })

  test('adds up connections, also those that are still open', async () => {
    const [one, other] = [await connected(), await connected()]
    await one.query('UPDATE orders SET total = 1 WHERE id = 1')
    await one.end()
    await other.query('UPDATE orders SET total = 2 WHERE id = 2')
    await expect
      .poll(reported)
      .toEqual({ 'public.orders': { inserted: 0, updated: 2, deleted: 0 } })
  })

  test('does not count what the client itself rolls back', async () => {
    const client = await connected()
    await client.query('BEGIN')
    await client.query('DELETE FROM lines')
    await client.query('ROLLBACK')
    await client.query('BEGIN')
    await client.query('DELETE FROM lines WHERE n = 1')
    await client.query('SAVEPOINT here')
    await client.query('DELETE FROM lines WHERE n = 2')
    await client.query('ROLLBACK TO here')
    await client.query('UPDATE lines SET n = 9 WHERE n = 3')
    await client.query('COMMIT')
    expect(reported()).toEqual({ 'public.lines': { inserted: 0, updated: 5, deleted: 5 } })
  })

  test('does not count a transaction that is not committed yet', async () => {
    const client = await connected()
    await client.query('BEGIN')
    await client.query('DELETE FROM lines')
    expect(reported()).toEqual({})
    await client.end()
    await expect.poll(reported).toEqual({})
  })

  test('goes on after an error, as a session does', async () => {
    const client = await connected()
    await expect(client.query('INSERT INTO orders VALUES (1, 1)')).rejects.toThrow('duplicate key')
    await expect(client.query('SELECT 1/$1::int', [0])).rejects.toThrow('division by zero')
    await expect(client.query('SELEC 1')).rejects.toMatchObject({ code: '42601' })
    expect((await client.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }])
  })
})

/** What a session of the server itself does is what a dry run should look like. */
describe('a client sees the same as without a dry run:', () => {
  const scripts: readonly (readonly [
    string,
    readonly (string | readonly [string, unknown[]])[],
  ])[] = [
    ['a transaction that fails', ['BEGIN', 'SELECT 1/0', 'SELECT 1', 'COMMIT', 'SELECT 2']],
    [
      'several statements at once',
      ["UPDATE orders SET total = 1; SELECT 'a;b' AS x; SELECT $$;$$ AS y"],
    ],
    [
      'several of which one fails',
      ['INSERT INTO orders VALUES (7, 7); SELECT 1/0', 'SELECT count(*) FROM orders'],
    ],
    [
      'a transaction in one message',
      ['BEGIN; INSERT INTO orders VALUES (7, 7); ROLLBACK; SELECT count(*) FROM orders'],
    ],
    [
      'transactions in and out of order',
      ['COMMIT', 'ROLLBACK', 'BEGIN', 'BEGIN', 'COMMIT', 'SAVEPOINT x'],
    ],
    [
      'chains',
      [
        'BEGIN',
        'UPDATE orders SET total = 3',
        'COMMIT AND CHAIN',
        'DELETE FROM lines',
        'ROLLBACK',
        'SELECT count(*) FROM lines',
      ],
    ],
    [
      'savepoints',
      [
        'BEGIN',
        'SAVEPOINT a',
        'SELECT 1/0',
        'ROLLBACK TO a',
        'SELECT 1',
        'RELEASE a',
        'RELEASE a',
        'ROLLBACK',
      ],
    ],
    [
      'parameters',
      [
        ['SELECT $1::int + 1 AS n', [41]],
        ['UPDATE orders SET total = $1 WHERE id = $2', [0, 1]],
      ],
    ],
    [
      'transactions by parameters',
      [
        ['BEGIN', []],
        ['INSERT INTO orders VALUES ($1, 1)', [9]],
        ['COMMIT', []],
        'SELECT count(*) FROM orders',
      ],
    ],
    ['nothing', ['', '-- nothing']],
    [
      'comments that look like commits',
      [
        'SELECT 1 /* ; COMMIT; */ AS x -- COMMIT\n',
        `SELECT "COMMIT" FROM (SELECT 1 AS "COMMIT") t`,
      ],
    ],
  ]

  test.each(scripts)('%s', async (_what, script) => {
    const { host, port, database, user, password } = credential
    const plain = new pg.Client({ host, port, database, user, password })
    await plain.connect()
    const dry = await connected()
    const throughDryRun = await outcomes(dry, script)
    // The locks that it holds are real.
    await dry.end()
    const without = await outcomes(plain, script)
    await plain.end()
    expect(throughDryRun).toEqual(without)
  })

  async function outcomes(
    client: pg.Client,
    script: readonly (string | readonly [string, unknown[]])[],
  ) {
    const results: unknown[] = []
    for (const step of script) {
      const [text, values] = typeof step === 'string' ? [step, undefined] : step
      const answer = await client.query(text, values).then(
        (result) =>
          [result].flat().map(({ command, rowCount, rows }) => ({ command, rowCount, rows })),
        ({ code }: { code: string }) => ({ code }),
      )
      results.push(answer)
    }
    return results
  }
})

describe('what would commit', () => {
  test.each([
    ['a procedure with COMMIT in it', 'CALL sneak()'],
    ['a block of code', 'DO $$ BEGIN DELETE FROM lines; COMMIT; END $$'],
    ['two phases', "BEGIN; DELETE FROM lines; PREPARE TRANSACTION 'x'"],
    ['a commit of our savepoint', 'RELEASE SAVEPOINT credctl_dry_run'],
    ['END', 'BEGIN; DELETE FROM lines; END'],
    ['COMMIT WORK after a comment', 'BEGIN; DELETE FROM lines; /* x */ COMMIT WORK'],
    ['many of them', `${'COMMIT;'.repeat(50)} DELETE FROM lines; COMMIT`],
    ['a statement that cannot be read', 'DELETE FROM lines; COMMIT; FROBNICATE'],
  ])('does not: %s', async (_what, sql) => {
    const before = await contents()
    const client = await connected()
    await client.query(sql).catch(() => undefined)
    await client.query('COMMIT').catch(() => undefined)
    await client.end()
    expect(await contents()).toEqual(before)
  })

  test('does not when the client is killed', async () => {
    const before = await contents()
    const client = await connected()
    await client.query('DELETE FROM lines')
    client.connection.stream.destroy()
    await expect
      .poll(reported)
      .toEqual({ 'public.lines': { inserted: 0, updated: 0, deleted: 15 } })
    expect(await contents()).toEqual(before)
  })
})

describe('the door', () => {
  test.each([
    ['another password', { password: 'wrong' }, '28P01'],
    ['another user', { user: 'somebody' }, '28P01'],
    ['another database', { database: 'postgres' }, '3D000'],
  ])('is closed to %s', async (_what, changes, code) => {
    await expect(connected(changes)).rejects.toMatchObject({ code })
  })

  test('is on loopback, with a password of its own', () => {
    expect(dryRun.credential.host).toBe('127.0.0.1')
    expect(dryRun.credential.password).not.toBe(credential.password)
    expect(dryRun.credential.uri).not.toContain(encodeURIComponent(credential.password))
  })

  test.each([
    ['garbage', Buffer.from('GET / HTTP/1.1\r\n\r\n')],
    ['a length of two gigabytes', Buffer.from([0x7f, 0xff, 0xff, 0xff, 0, 3, 0, 0])],
    ['a length of zero', Buffer.from([0, 0, 0, 0])],
    ['a cancel request', Buffer.from([0, 0, 0, 16, 4, 210, 22, 46, 0, 0, 0, 0, 0, 0, 0, 0])],
  ])('closes on %s, and lets others in', async (_what, bytes) => {
    const socket: Socket = connect(dryRun.credential.port, '127.0.0.1')
    socket.on('error', () => undefined)
    socket.resume()
    const ended = once(socket, 'close')
    socket.end(bytes)
    await ended
    expect((await (await connected()).query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }])
  })

  test('does not wait for a megabyte of somebody it does not know', async () => {
    const socket: Socket = connect(dryRun.credential.port, '127.0.0.1')
    socket.on('error', () => undefined)
    socket.resume()
    const ended = once(socket, 'close')
    socket.write(Buffer.from([0, 16, 0, 0, 0, 3, 0, 0]))
    await ended

    const known = connect(dryRun.credential.port, '127.0.0.1')
    known.on('error', () => undefined)
    known.write(Buffer.from([0, 0, 0, 9, 0, 3, 0, 0, 0]))
    await once(known, 'data')
    known.resume()
    const turnedAway = once(known, 'close')
    known.write(Buffer.from([0x70, 0, 16, 0, 0]))
    await turnedAway
  })

  test('says so when the database is gone', async () => {
    const nowhere = await startDryRun({ ...credential, database: 'nowhere' })
    const { host, port, user, password } = nowhere.credential
    const client = new pg.Client({ host, port, user, password, database: 'nowhere' })
    await expect(client.connect()).rejects.toThrow('database "nowhere" does not exist')
    await nowhere.close()
  })
})

test('rows of a COPY are counted and rolled back', async () => {
  const client = await connected()
  await copyIn(client, 'COPY lines FROM STDIN', '1\t7\n2\t7\n')
  expect(reported()).toEqual({ 'public.lines': { inserted: 2, updated: 0, deleted: 0 } })
  expect((await client.query('SELECT count(*)::int AS n FROM lines')).rows).toEqual([{ n: 17 }])
})

test('goes on after a COPY that fails', async () => {
  const client = await connected()
  await expect(copyIn(client, 'COPY lines FROM STDIN', '1\tx\n')).rejects.toThrow('invalid input')
  expect((await client.query('SELECT count(*)::int AS n FROM lines')).rows).toEqual([{ n: 15 }])
  expect(reported()).toEqual({})
})

interface CopySender {
  sendCopyFromChunk(chunk: Buffer): void
  endCopyFrom(): void
}

/** By the messages themselves: the driver brings no COPY. */
async function copyIn(client: pg.Client, sql: string, data: string): Promise<void> {
  const connection = client.connection as pg.Connection & CopySender
  await new Promise<void>((resolve, reject) => {
    client.query({
      submit: () => connection.query(sql),
      handleCopyInResponse: () => {
        connection.sendCopyFromChunk(Buffer.from(data))
        connection.endCopyFrom()
      },
      handleCommandComplete: () => undefined,
      handleReadyForQuery: () => resolve(),
      handleError: reject,
    } as unknown as pg.Submittable)
  })
}
