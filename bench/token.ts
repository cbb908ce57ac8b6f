import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createRemoteJWKSet, jwtVerify } from 'jose'
import pg from 'pg'
import { createWorld, type World } from '../examples/tour/world.ts'
import { startEmbedded } from '../src/embedded/embedded.ts'
import { against, measure, type Row, rowOf } from './row.ts'

const COUNT = 500
const SCOPE = 'investigate-billing-spike'

/**
 * A grant, from HTTP request to HTTP answer, beside the two things nobody can do without, and beside
 * those and the bare HTTP of the same client and server. In turns, since the machine is never quiet.
 */
export async function bench(): Promise<readonly Row[]> {
  const world = await createWorld('task-scopes')
  const floor = await openFloor(world)
  try {
    const task = { scope: SCOPE, environment: 'staging', intent: 'bench', parameters: {} }
    const denied = { ...task, scope: 'deploy-web', environment: 'prod' }
    const [bare, http, both, granted] = await inTurns(COUNT, {
      'bare: verify ES256, insert one row, commit': () => floor.verifyAndCommit(),
      'bare HTTP: GET /healthz': () => health(world),
      'both of them': async () => {
        await health(world)
        await floor.verifyAndCommit()
      },
      'POST /token, over HTTP, granted': async () => {
        const answer = await world.client.requestGrant(world.tokens.finops, task)
        if (!('token' in answer)) throw new Error(answer.reasons.join('; '))
      },
    })
    const name = 'POST /token, over HTTP, denied and recorded'
    const refused = await measure(name, { count: 50, warmup: 2 }, () =>
      world.client.requestGrant(world.tokens.agent, denied),
    )
    if (!bare || !http || !both || !granted) throw new Error('a row is missing')
    return [
      bare,
      http,
      both,
      against(granted, bare),
      against(granted, both),
      against(refused, bare),
    ]
  } finally {
    await floor.close()
    await world.close()
  }
}

async function health(world: World): Promise<void> {
  await (await fetch(`${world.url}/healthz`)).arrayBuffer()
}

/** Each of the operations once, again and again: whatever else runs slows all of them alike. */
async function inTurns(
  count: number,
  operations: Readonly<Record<string, () => Promise<void>>>,
): Promise<Row[]> {
  const all = Object.entries(operations).map(([name, run]) => ({
    name,
    run,
    times: [] as number[],
  }))
  for (let round = -50; round < count; round += 1) {
    for (const { run, times } of all) {
      const started = performance.now()
      await run()
      if (round >= 0) times.push(performance.now() - started)
    }
  }
  return all.map(({ name, times }) =>
    rowOf(
      name,
      times,
      times.reduce((sum, each) => sum + each, 0),
    ),
  )
}

/** One signature check of the same token and one committed row, one after the other. */
async function openFloor(world: World) {
  const directory = await mkdtemp(join(tmpdir(), 'credctl-bench-'))
  const server = await startEmbedded({ directory })
  const { host, port, superuser } = server
  const [user, password] = [superuser.user, superuser.password.reveal()]
  const client = new pg.Client({ host, port, user, password, database: 'postgres' })
  await client.connect()
  await client.query('CREATE TABLE entries (body bytea NOT NULL)')
  const keys = createRemoteJWKSet(new URL(`${world.agentsIssuer}/jwks`))
  const insert = { name: 'insert', text: 'INSERT INTO entries VALUES ($1)' }
  const values = [Buffer.alloc(1024, 1)]
  return {
    async verifyAndCommit() {
      await jwtVerify(world.tokens.agent, keys)
      await client.query({ ...insert, values })
    },
    async close() {
      await client.end()
      await server.stop()
      await rm(directory, { recursive: true, force: true })
    },
  }
}
