import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { describe, expect, it, onTestFinished } from 'vitest'
import { startEmbedded } from '../../../src/embedded/embedded.ts'
import type { Appended } from '../../../src/ledger/ledger.ts'
import { leafHash } from '../../../src/ledger/merkle.ts'
import { PostgresLedger } from '../../../src/ledger/postgres/ledger.ts'
import { migrate } from '../../../src/ledger/postgres/migrate.ts'
import { testPostgres } from '../../support/postgres.ts'
import { allowed, catalogue, denied, id } from '../entries.ts'
import { root as referenceRoot } from '../reference-tree.ts'
import { cutLineTo } from './cut-line.ts'
import {
  clock,
  connectAs,
  connectionTo,
  migratedDatabase,
  OWNER,
  openLedger,
  RUNTIME,
  signer,
} from './database.ts'

const postgres = testPostgres()

interface Stored {
  readonly index: string
  readonly leaf: Buffer
  readonly body: Buffer
}

/** What is in the database, having checked that it is one gapless log under its signed head. */
async function storedIn(pool: { query: pg.Pool['query'] }): Promise<readonly Stored[]> {
  const { rows } = await pool.query<Stored>(
    'SELECT index, leaf, body FROM credctl_ledger.entries ORDER BY index',
  )
  const head = await pool.query('SELECT size, root FROM credctl_ledger.head')
  expect(rows.map(({ index }) => Number(index))).toEqual(rows.map((_, at) => at))
  expect(rows.every(({ leaf, body }) => leafHash(body).equals(leaf))).toBe(true)
  expect(Number(head.rows[0].size)).toBe(rows.length)
  expect(head.rows[0].root).toEqual(referenceRoot(rows.map(({ leaf }) => leaf)))
  return rows
}

function expectPresent(stored: readonly Stored[], appended: readonly Appended[]): void {
  for (const { index, leaf } of appended) expect(stored[index]?.leaf).toEqual(leaf)
  expect(new Set(appended.map(({ index }) => index)).size).toBe(appended.length)
}

function fulfilled<T>(answers: readonly PromiseSettledResult<T>[]): T[] {
  return answers.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []))
}

function codes(answers: readonly PromiseSettledResult<unknown>[]): unknown[] {
  return [
    ...new Set(answers.flatMap((each) => (each.status === 'rejected' ? [each.reason.code] : []))),
  ]
}

describe('two replicas on one database', () => {
  it('make one linear log of 1,000 concurrent appends', async () => {
    const database = await migratedDatabase(postgres)
    const replicas = [await openLedger(postgres, database), await openLedger(postgres, database)]
    const appended = await Promise.all(
      Array.from({ length: 1000 }, async (_, number) => {
        await new Promise((resolve) => setTimeout(resolve, (number * 7919) % 50))
        return await replicas[number % 2]!.append(denied(id(number)))
      }),
    )
    const stored = await storedIn(postgres.pool(database))
    expect(stored).toHaveLength(1000)
    expectPresent(stored, appended)
  })

  it('hold a limit together', async () => {
    const database = await migratedDatabase(postgres)
    const replicas = [await openLedger(postgres, database), await openLedger(postgres, database)]
    const usage = { scope: 'backfill-order-totals', environment: 'staging', liveGrants: 5 }
    const answers = await Promise.allSettled(
      Array.from({ length: 100 }, (_, number) =>
        replicas[number % 2]!.append(allowed(id(number)), { usage }),
      ),
    )
    expect(fulfilled(answers)).toHaveLength(5)
    expect(codes(answers)).toEqual(['limit_reached'])
  })

  it('each get their turn while the other is busy', async () => {
    const database = await migratedDatabase(postgres)
    const [busy, patient] = [
      await openLedger(postgres, database),
      await openLedger(postgres, database),
    ]
    const state = { stop: false }
    const noise = Array.from({ length: 32 }, async () => {
      while (!state.stop) await busy!.append(catalogue())
    })
    for (let number = 0; number < 20; number += 1) await patient!.append(denied(id(number)))
    state.stop = true
    await Promise.all(noise)
    await storedIn(postgres.pool(database))
  })
})

describe('a lost connection', () => {
  it('after the commit, before its answer, is resolved: acknowledged and there once', async () => {
    const database = await migratedDatabase(postgres)
    const line = await cutLineTo(postgres.port)
    const connection = { ...connectionTo(postgres, database), port: line.port }
    const ledger = await openLedger(postgres, database, { connection })
    await ledger.append(catalogue())
    const cut = line.cutAnswerTo('ledger-append')
    const appended = await Promise.all([1, 2, 3].map((number) => ledger.append(denied(id(number)))))
    await cut
    const stored = await storedIn(postgres.pool(database))
    expect(stored).toHaveLength(4)
    expectPresent(stored, appended)
    expect((await ledger.append(catalogue())).index).toBe(4)
  })

  it('before the commit is resolved: sent again and there once', async () => {
    const database = await migratedDatabase(postgres)
    const line = await cutLineTo(postgres.port)
    const connection = { ...connectionTo(postgres, database), port: line.port }
    const ledger = await openLedger(postgres, database, { connection })
    await ledger.append(catalogue())
    const cut = line.cutRequest('ledger-append')
    const appended = await ledger.append(denied(id(1)))
    await cut
    const stored = await storedIn(postgres.pool(database))
    expect(stored).toHaveLength(2)
    expectPresent(stored, [appended])
  })

  it('at any moment under load loses and doubles nothing', async () => {
    const database = await migratedDatabase(postgres)
    const ledger = await openLedger(postgres, database)
    const state = { stop: false, acknowledged: 0 }
    const killer = (async () => {
      while (!state.stop) {
        await postgres
          .pool()
          .query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = $1', [
            RUNTIME,
          ])
        // By progress and not by the clock: on a slow machine nothing would ever get through.
        const enough = state.acknowledged + 3
        for (let wait = 0; wait < 50 && state.acknowledged < enough && !state.stop; wait += 1) {
          await new Promise((resolve) => setTimeout(resolve, 7))
        }
      }
    })()
    const answers = await Promise.allSettled(
      Array.from({ length: 300 }, async (_, number) => {
        await new Promise((resolve) => setTimeout(resolve, number))
        const appended = await ledger.append(denied(id(number)))
        state.acknowledged += 1
        return appended
      }),
    )
    state.stop = true
    await killer
    const stored = await storedIn(postgres.pool(database))
    expectPresent(stored, fulfilled(answers))
    expect(fulfilled(answers).length).toBeGreaterThan(100)
    const grants = stored.map(({ body }) => JSON.parse(body.toString()).grant)
    expect(new Set(grants).size).toBe(grants.length)
    // Nobody was told "no" about an entry that is there.
    const refused = answers.flatMap((each, number) =>
      each.status === 'rejected' ? [id(number)] : [],
    )
    expect(refused.filter((grant) => grants.includes(grant))).toEqual([])
  })
})

describe('a database that does not answer', () => {
  it('is refused within seconds, and nothing is there afterwards', async () => {
    const database = await migratedDatabase(postgres)
    const ledger = await openLedger(postgres, database)
    const blocker = await postgres.client({ database })
    await blocker.query('BEGIN')
    await blocker.query('SELECT FROM credctl_ledger.head FOR UPDATE')
    const started = performance.now()
    const answers = await Promise.allSettled(
      [1, 2].map((number) => ledger.append(denied(id(number)))),
    )
    expect(codes(answers)).toEqual(['ledger_unavailable'])
    expect(performance.now() - started).toBeLessThan(4_000)
    await blocker.query('ROLLBACK')
    expect((await ledger.append(denied(id(3)))).index).toBe(0)
  })

  it('because the line is dead is refused too', async () => {
    const database = await migratedDatabase(postgres)
    const line = await cutLineTo(postgres.port)
    const connection = { ...connectionTo(postgres, database), port: line.port }
    const ledger = await openLedger(postgres, database, { connection })
    await ledger.append(catalogue())
    line.freeze()
    const started = performance.now()
    const answers = await Promise.allSettled([
      ledger.append(denied(id(1))),
      ledger.ready(),
      ledger.grant(id(1)),
    ])
    expect(fulfilled<unknown>(answers)).toEqual([])
    expect(codes(answers)).toEqual(['ledger_unavailable'])
    expect(performance.now() - started).toBeLessThan(12_000)
    expect(await storedIn(postgres.pool(database))).toHaveLength(1)
  })

  it('is not waited for by more than a bounded number of appends', async () => {
    const database = await migratedDatabase(postgres)
    const ledger = await openLedger(postgres, database)
    const answers = await Promise.allSettled(
      Array.from({ length: 9_000 }, () => ledger.append(catalogue())),
    )
    expect(codes(answers)).toEqual(['ledger_unavailable'])
    expect(fulfilled(answers)).toHaveLength(8_192)
    await ledger.append(catalogue())
  })
})

describe('a server of its own', () => {
  async function ownServer() {
    const directory = join(await mkdtemp(join(tmpdir(), 'credctl-fault-')), 'server')
    const options = { directory, initdb: ['--wal-segsize=1', '--no-sync'] }
    const first = await startEmbedded(options)
    onTestFinished(() => rm(join(directory, '..'), { recursive: true, force: true }))
    const admin = {
      host: first.host,
      port: first.port,
      user: first.superuser.user,
      password: first.superuser.password.reveal(),
      database: 'postgres',
    }
    const client = new pg.Client(admin)
    await client.connect()
    await client.query(`CREATE ROLE ${RUNTIME} LOGIN PASSWORD '${RUNTIME}'`)
    await migrate(client, RUNTIME)
    await client.end()
    const restart = () => startEmbedded({ ...options, port: first.port })
    return { first, admin, restart }
  }

  async function query(admin: pg.ClientConfig) {
    const client = new pg.Client(admin)
    await client.connect()
    onTestFinished(() => client.end())
    return client
  }

  it('that is stopped is refused at once, and works again after its restart', async () => {
    const { first, admin, restart } = await ownServer()
    const { port, host } = first
    const connection = { ...connectionTo({ ...postgres, host, port }, 'postgres') }
    const ledger = await PostgresLedger.open({ connection, signer, clock })
    onTestFinished(() => ledger.close())
    await ledger.append(catalogue())
    await first.stop()
    const started = performance.now()
    await expect(ledger.append(denied(id(1)))).rejects.toMatchObject({ code: 'ledger_unavailable' })
    expect(performance.now() - started).toBeLessThan(6_000)
    await expect(ledger.ready()).rejects.toMatchObject({ code: 'ledger_unavailable' })
    const again = await restart()
    onTestFinished(() => again.stop())
    await ledger.ready()
    expect((await ledger.append(denied(id(2)))).index).toBe(1)
    expect(await storedIn(await query(admin))).toHaveLength(2)
  })

  it('that crashes under load keeps everything it acknowledged', async () => {
    const { first, admin, restart } = await ownServer()
    const { port, host } = first
    const connection = connectionTo({ ...postgres, host, port }, 'postgres')
    const ledger = await PostgresLedger.open({ connection, signer, clock })
    onTestFinished(() => ledger.close())
    const pending = Array.from({ length: 400 }, async (_, number) => {
      await new Promise((resolve) => setTimeout(resolve, number / 2))
      return await ledger.append(denied(id(number)))
    })
    setTimeout(() => process.kill(first.pid, 'SIGQUIT'), 100)
    const answers = await Promise.allSettled(pending)
    await first.stop()
    const again = await restart()
    onTestFinished(() => again.stop())
    expect(fulfilled(answers).length).toBeGreaterThan(10)
    expect(codes(answers)).toEqual(['ledger_unavailable'])
    expectPresent(await storedIn(await query(admin)), fulfilled(answers))
    await ledger.append(catalogue())
  })
})

describe('the rights in the database', () => {
  const writes = [
    "UPDATE credctl_ledger.entries SET body = 'x'",
    'DELETE FROM credctl_ledger.entries',
    'TRUNCATE credctl_ledger.entries',
    "UPDATE credctl_ledger.tiles SET root = sha256('x')",
    'DELETE FROM credctl_ledger.tiles',
    'TRUNCATE credctl_ledger.tiles',
    'UPDATE credctl_ledger.head SET size = 0',
    "UPDATE credctl_ledger.head SET root = sha256('x')",
    'DELETE FROM credctl_ledger.head',
    'TRUNCATE credctl_ledger.head',
    "INSERT INTO credctl_ledger.head (single, size, root, checkpoint, fence) VALUES (false, 0, sha256(''), '', 0)",
  ]

  it.each(writes)('refuse to both roles: %s', async (sql) => {
    const database = await migratedDatabase(postgres)
    const ledger = await openLedger(postgres, database)
    await ledger.append(catalogue())
    for (const user of [RUNTIME, OWNER]) {
      const client = await connectAs(postgres, database, user)
      await expect(client.query(sql), user).rejects.toMatchObject({ code: '42501' })
      await client.end()
    }
    expect(await storedIn(postgres.pool(database))).toHaveLength(1)
  })

  it('let the broker write state only through an append', async () => {
    const database = await migratedDatabase(postgres)
    const client = await connectAs(postgres, database, RUNTIME)
    for (const sql of [
      'UPDATE credctl_ledger.grants SET ended = NULL',
      'DELETE FROM credctl_ledger.credentials',
      "INSERT INTO credctl_ledger.entries VALUES (0, NULL, sha256('x'), 'x')",
      'INSERT INTO credctl_ledger.version VALUES (99)',
      'ALTER TABLE credctl_ledger.entries DISABLE TRIGGER ALL',
      'DROP SCHEMA credctl_ledger CASCADE',
      'CREATE TABLE credctl_ledger.mine (x int)',
    ]) {
      await expect(client.query(sql), sql).rejects.toMatchObject({ code: '42501' })
    }
    await client.end()
  })

  it('let nobody else look', async () => {
    const database = await migratedDatabase(postgres)
    await postgres.pool().query(`DROP ROLE IF EXISTS stranger`)
    await postgres.pool().query(`CREATE ROLE stranger LOGIN PASSWORD 'stranger'`)
    const client = await connectAs(postgres, database, 'stranger')
    for (const sql of [
      'SELECT * FROM credctl_ledger.entries',
      'SELECT credctl_ledger.fence()',
      'SELECT credctl_ledger.lock_head()',
    ]) {
      await expect(client.query(sql), sql).rejects.toMatchObject({ code: '42501' })
    }
    await client.end()
  })
})

describe('a database that is not the log any more', () => {
  /** As a superuser who knows what the triggers are for. */
  async function tamper(database: string, sql: string): Promise<void> {
    const client = await postgres.client({ database })
    await client.query(`SET session_replication_role = replica; ${sql}`)
  }

  async function filled(count: number) {
    const database = await migratedDatabase(postgres)
    const ledger = await openLedger(postgres, database)
    await Promise.all(
      Array.from({ length: count }, (_, number) => ledger.append(denied(id(number)))),
    )
    return { database, ledger }
  }

  it('stops a running broker when an older copy is restored under it', async () => {
    const { database, ledger } = await filled(3)
    const { rows } = await postgres.pool(database).query('SELECT * FROM credctl_ledger.head')
    await ledger.append(denied(id(9)))
    await tamper(database, 'DELETE FROM credctl_ledger.entries WHERE index = 3')
    const older = await postgres.client({ database })
    await older.query('SET session_replication_role = replica')
    const { size, root, checkpoint } = rows[0]
    await older.query('UPDATE credctl_ledger.head SET size = $1, root = $2, checkpoint = $3', [
      size,
      root,
      checkpoint,
    ])
    await expect(ledger.ready()).rejects.toMatchObject({ code: 'ledger_unavailable' })
    await expect(ledger.append(catalogue())).rejects.toMatchObject({ code: 'ledger_diverged' })
    // For good: it does not sign a second history even if the first comes back.
    await expect(ledger.append(catalogue())).rejects.toMatchObject({ code: 'ledger_diverged' })
    await expect(ledger.ready()).rejects.toMatchObject({ code: 'ledger_diverged' })
  })

  it.each([
    ['an entry is missing', 'DELETE FROM credctl_ledger.entries WHERE index = 299'],
    ['a leaf is another', "UPDATE credctl_ledger.entries SET leaf = sha256('x') WHERE index = 290"],
    ['a tile root is another', "UPDATE credctl_ledger.tiles SET root = sha256('x')"],
    ['a tile is missing', 'DELETE FROM credctl_ledger.tiles'],
    ['the head is smaller', 'UPDATE credctl_ledger.head SET size = 299'],
    ['the head is larger', 'UPDATE credctl_ledger.head SET size = 301'],
    ['the head has another root', "UPDATE credctl_ledger.head SET root = sha256('x')"],
    ['the head is gone', 'DELETE FROM credctl_ledger.head'],
    ['the checkpoint is gone', "UPDATE credctl_ledger.head SET checkpoint = ''"],
    ['the log was emptied', "UPDATE credctl_ledger.head SET size = 0, root = sha256('')"],
    [
      'the checkpoint is signed by another key',
      "UPDATE credctl_ledger.head SET checkpoint = replace(checkpoint, 'log dnq', 'log dnr')",
    ],
  ])('is not opened when %s', async (_, sql) => {
    const { database, ledger } = await filled(300)
    await ledger.close()
    await tamper(database, sql)
    await expect(openLedger(postgres, database)).rejects.toMatchObject({ code: 'ledger_diverged' })
  })
})
