import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createRemoteJWKSet, jwtVerify } from 'jose'
import pg from 'pg'
import { createWorld, type World } from '../examples/tour/world.ts'
import { startEmbedded } from '../src/embedded/embedded.ts'
import { against, measure, type Row } from './row.ts'

const COUNT = 500

/** A grant, from HTTP request to HTTP answer, beside the two things nobody can do without. */
export async function bench(): Promise<readonly Row[]> {
  const world = await createWorld('task-scopes')
  try {
    const floor = await bareVerificationAndCommit(world)
    const http = await measure('bare HTTP: GET /healthz', { count: COUNT }, async () => {
      await (await fetch(`${world.url}/healthz`)).arrayBuffer()
    })
    const task = { scope: 'deploy-web', environment: 'prod', intent: 'bench', parameters: {} }
    const exchange = await measure(
      'POST /token, over HTTP, denied and recorded',
      { count: 50, warmup: 2 },
      async () => {
        await world.client.requestGrant(world.tokens.agent, task)
      },
    )
    const bounded = { ...task, scope: 'investigate-billing-spike', environment: 'staging' }
    const granted = await measure('POST /token, over HTTP, granted', { count: COUNT }, async () => {
      const answer = await world.client.requestGrant(world.tokens.finops, bounded)
      if (!('token' in answer)) throw new Error(answer.reasons.join('; '))
    })
    return [floor, http, against(exchange, floor), against(granted, floor)]
  } finally {
    await world.close()
  }
}

/** One signature check of the same token and one committed row, one after the other. */
async function bareVerificationAndCommit(world: World): Promise<Row> {
  const directory = await mkdtemp(join(tmpdir(), 'credctl-bench-'))
  const server = await startEmbedded({ directory })
  const { host, port, superuser } = server
  const client = new pg.Client({
    host,
    port,
    user: superuser.user,
    password: superuser.password.reveal(),
    database: 'postgres',
  })
  try {
    await client.connect()
    await client.query('CREATE TABLE entries (body bytea NOT NULL)')
    const keys = createRemoteJWKSet(new URL(`${world.agentsIssuer}/jwks`))
    const body = Buffer.alloc(1024, 1)
    return await measure(
      'bare: verify ES256, insert one row, commit',
      { count: COUNT },
      async () => {
        await jwtVerify(world.tokens.agent, keys)
        await client.query({
          name: 'insert',
          text: 'INSERT INTO entries VALUES ($1)',
          values: [body],
        })
      },
    )
  } finally {
    await client.end()
    await server.stop()
    await rm(directory, { recursive: true, force: true })
  }
}
