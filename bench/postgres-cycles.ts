import { createWorld, mintOn, type World } from '../test/mint/postgres/database.ts'
import { startTestPostgres } from '../test/support/postgres.ts'

/**
 * Does minting and revoking leave anything that slows the server down? `node
 * bench/postgres-cycles.ts 50000` prints the latency of every tenth of the cycles and the size of the
 * catalogues they write to: all of it should stay flat.
 */
const ACCESS = { tables: { 'public.orders': ['select', 'update'] } }
const CONCURRENCY = 8
const cycles = Number(process.argv[2] ?? '5000')

const { postgres, close } = await startTestPostgres({ fsync: 'on', synchronous_commit: 'on' })
try {
  const world = await createWorld(postgres)
  await world.delegate(ACCESS)
  for (let part = 1; part <= 10; part += 1) {
    const times = await cycle(world, Math.ceil(cycles / 10))
    console.log(
      `${part * 10} %: p50 ${at(times, 0.5)} ms, p99 ${at(times, 0.99)} ms, ${await sizes(world)}`,
    )
  }
} finally {
  await close()
}

async function cycle(world: World, count: number): Promise<number[]> {
  const mint = world.mint()
  const times: number[] = []
  const loop = async () => {
    while (times.length < count) {
      const grant = world.grant(ACCESS)
      const started = performance.now()
      const { handle } = await mintOn(mint, grant)
      await mint.revoke(handle)
      times.push(performance.now() - started)
    }
  }
  await Promise.all(Array.from({ length: CONCURRENCY }, loop))
  await mint.close()
  return times.sort((a, b) => a - b)
}

function at(sorted: readonly number[], quantile: number): string {
  return (sorted[Math.floor(quantile * sorted.length)] ?? 0).toFixed(1)
}

async function sizes(world: World): Promise<string> {
  const { rows } = await world.root.query(
    `SELECT string_agg(format('%s %s kB', c, pg_total_relation_size(c::regclass) / 1024), ', ') AS sizes,
       (SELECT count(*) FROM pg_roles WHERE rolname LIKE 'cbg\\_%') AS logins
     FROM unnest(ARRAY['pg_authid', 'pg_auth_members', 'pg_shdepend']) c`,
  )
  return `${rows[0].sizes}, ${rows[0].logins} logins`
}
