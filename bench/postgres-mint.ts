import { systemClock, systemRandom, ulid } from '../src/clock.ts'
import type { Handle } from '../src/ledger/entry.ts'
import type { PostgresCredential } from '../src/mint/mint.ts'
import { openAdmin } from '../src/mint/postgres/admin.ts'
import { createLoginSecret } from '../src/secret/scram.ts'
import { Secret } from '../src/secret/secret.ts'
import { createWorld, mintOn, type World } from '../test/mint/postgres/database.ts'
import { startTestPostgres } from '../test/support/postgres.ts'
import { against, measure, type Row, rowOf } from './row.ts'

const ACCESS = {
  tables: { 'public.orders': ['select', 'update'], 'public.currency_rates': ['select'] },
}
/** A durable server, as in production. */
const DURABLE = { fsync: 'on', synchronous_commit: 'on' }
const COUNT = 600
const LIVE = 5_000
const RELATIONS = 5_000

/** Minting, revoking and the preflight beside bare SQL on the same server. */
export async function bench(): Promise<readonly Row[]> {
  const { postgres, close } = await startTestPostgres(DURABLE)
  try {
    const world = await createWorld(postgres)
    await world.delegate(ACCESS)
    return [
      ...(await minting(world)),
      ...(await revoking(world)),
      ...(await preflights(world)),
      ...(await besideManyLogins(world)),
    ]
  } finally {
    await close()
  }
}

async function minting(world: World): Promise<Row[]> {
  const rows: Row[] = []
  for (const concurrency of [1, 8, 32]) {
    rows.push(...(await besideBareSql(world, { count: COUNT, concurrency })))
  }
  return rows
}

/** One way to make a login, many times. */
interface Maker {
  readonly operation: string
  make(): Promise<void>
  /** Drops what was made, and closes its connections. */
  end(): Promise<void>
}

const ROUNDS = 4

/** In turns, so that whatever else the machine does slows both down alike. */
async function besideBareSql(
  world: World,
  { count, concurrency }: { count: number; concurrency: number },
): Promise<[baseline: Row, row: Row]> {
  const makers = [await bareCreateRole(world), await minted(world, count)]
  const results = makers.map(() => ({ durations: [] as number[], wall: 0 }))
  for (const maker of makers) await maker.make()
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const [index, maker] of makers.entries()) {
      const started = performance.now()
      const durations = await timed(count / ROUNDS, concurrency, maker)
      results[index]?.durations.push(...durations)
      if (results[index] !== undefined) results[index].wall += performance.now() - started
    }
  }
  for (const maker of makers) await maker.end()
  const [baseline, row] = makers.map(({ operation }, index) => {
    const { durations, wall } = results[index] ?? { durations: [], wall: 0 }
    return rowOf(`${operation}, ${concurrency} concurrent`, durations, wall)
  })
  if (baseline === undefined || row === undefined) throw new Error('two makers')
  return [baseline, against(row, baseline)]
}

async function timed(count: number, concurrency: number, maker: Maker): Promise<number[]> {
  const durations: number[] = []
  let left = count
  const loop = async () => {
    while (left-- > 0) {
      const started = performance.now()
      await maker.make()
      durations.push(performance.now() - started)
    }
  }
  await Promise.all(Array.from({ length: concurrency }, loop))
  return durations
}

/** Decided grants are made beforehand: deciding has a benchmark of its own. */
async function minted(world: World, count: number): Promise<Maker> {
  const mint = world.mint()
  const grants = Array.from({ length: count + 1 }, () => world.grant(ACCESS))
  const made: Handle[] = []
  return {
    operation: 'mint a PostgreSQL login',
    make: async () => {
      const grant = grants.pop()
      if (grant !== undefined) made.push((await mintOn(mint, grant)).handle)
    },
    end: async () => {
      await each(made, (handle) => mint.revoke(handle))
      await mint.close()
    },
  }
}

/** Four at a time, as the sweep does it. */
async function each<T>(items: readonly T[], run: (item: T) => Promise<unknown>): Promise<void> {
  const queue = [...items]
  const loop = async () => {
    for (let item = queue.pop(); item !== undefined; item = queue.pop()) await run(item)
  }
  await Promise.all([loop(), loop(), loop(), loop()])
}

/** What a server full of other live logins of the same broker costs a mint. */
async function besideManyLogins(world: World): Promise<Row[]> {
  const { groupRole } = world.plan(ACCESS)
  const admin = world.admin.user
  for (let from = 0; from < LIVE; from += 500) {
    await world.root.query(`SET ROLE ${admin}; DO $$ BEGIN FOR i IN ${from + 1}..${from + 500} LOOP
      EXECUTE format('CREATE ROLE cbg_filler_%s', i); END LOOP; END $$;
      RESET ROLE; DO $$ BEGIN FOR i IN ${from + 1}..${from + 500} LOOP
      EXECUTE format('GRANT ${groupRole} TO cbg_filler_%s', i); END LOOP; END $$`)
  }
  const live = `${LIVE.toLocaleString('en')} live logins`
  const rows = await besideBareSql(world, { count: 100, concurrency: 1 })
  return rows.map((row) => ({ ...row, operation: `${row.operation}, ${live}` }))
}

/** With the same verifier, the same admin and the same kind of connections. */
async function bareCreateRole(world: World): Promise<Maker> {
  const target = world.environment.targets['db']
  if (target?.kind !== 'postgres') throw new Error('no target')
  const admin = openAdmin(target, async () => new Secret(world.admin.password))
  const { verifier } = await createLoginSecret(systemRandom)
  const names: string[] = []
  return {
    operation: 'bare CREATE ROLE with the same verifier',
    make: async () => {
      const name = `bare_${ulid(systemClock, systemRandom).toLowerCase()}`
      names.push(name)
      await admin.batch(`CREATE ROLE ${name} LOGIN PASSWORD '${verifier}'`)
    },
    end: async () => {
      await world.root.query(names.map((name) => `DROP ROLE ${name}`).join(';'))
      await admin.close()
    },
  }
}

async function revoking(world: World): Promise<Row[]> {
  const mint = world.mint()
  const made: { handle: Handle; credential: PostgresCredential }[] = []
  const grants = Array.from({ length: 330 }, () => world.grant(ACCESS))
  await each(grants, async (grant) => made.push(await mintOn(mint, grant)))
  const idle = await measure('revoke a login without sessions', { count: 200 }, async () => {
    const one = made.pop()
    if (one !== undefined) await mint.revoke(one.handle)
  })
  const live = await measure(
    'revoke a login with an open transaction (with its login)',
    { count: 50 },
    async () => {
      const one = made.pop()
      if (one === undefined) return
      const client = await world.login(one.credential)
      await client.query('BEGIN; UPDATE orders SET total = 1 WHERE id = 1')
      await mint.revoke(one.handle)
    },
  )
  await each(made, ({ handle }) => mint.revoke(handle))
  await mint.close()
  return [idle, live]
}

async function preflights(world: World): Promise<Row[]> {
  // In portions: one transaction can lock only so many tables.
  for (let from = 0; from < RELATIONS; from += 500) {
    await world.root.query(`DO $$ BEGIN FOR i IN ${from + 1}..${from + 500} LOOP
      EXECUTE format('CREATE TABLE filler_%s (id int, a text, b text)', i);
      EXECUTE format('GRANT SELECT, INSERT ON filler_%s TO owner_${world.database}', i);
    END LOOP; END $$`)
  }
  await world.root.query('VACUUM ANALYZE pg_class, pg_attribute')
  const mint = world.mint()
  const plan = world.plan(ACCESS)
  const row = await measure(
    `preflight with ${RELATIONS.toLocaleString('en')} relations`,
    { count: 30, warmup: 3 },
    () => mint.preflight(plan, 'nonprod'),
  )
  await mint.close()
  return [row]
}
