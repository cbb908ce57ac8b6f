import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { exchange, form, send, tokenOf, type World, world } from '../../api/world.ts'
import { testPostgres } from '../../support/postgres.ts'

const run = promisify(execFile)

/** Less than five minutes: the SDK wants fresh credentials before every call. */
const SCOPE = `
name: short-exports
owner: team-orders
description: Reads exports for a few minutes.
allow: [{ caller: agent, issuer: agents, claims: { team: orders } }]
environments: [staging]
ttl: 4m
access:
  exports:
    aws: [{ do: [s3:GetObject], on: ["arn:aws:s3:::acme-exports/*"] }]
`

const postgres = testPostgres()
let broker: World
let directory: string
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'credctl-sdk-'))
  await writeFile(join(directory, 'short-exports.yaml'), SCOPE)
  broker = await world(postgres, { scopes: directory })
})
afterAll(async () => {
  await broker?.close()
  await rm(directory, { recursive: true, force: true })
})

test('an unmodified SDK gets and refreshes credentials with environment variables alone', async () => {
  const task = { scope: 'short-exports', environment: 'staging', intent: 'Read one export.' }
  const { body } = await exchange(broker.url, form(await tokenOf(broker, 'agent'), task))
  const tokenFile = join(directory, 'token')
  await writeFile(tokenFile, `Bearer ${String(body['access_token'])}`, { mode: 0o600 })

  const before = await served()
  const { stdout } = await run(process.execPath, ['test/mint/sts/sdk-client.ts'], {
    env: {
      AWS_CONTAINER_CREDENTIALS_FULL_URI: `${broker.url}/v1/credentials/exports`,
      AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: tokenFile,
      AWS_REGION: 'eu-central-1',
      AWS_ENDPOINT_URL_STS: broker.sts.endpoint,
    },
  })
  const [first, second] = JSON.parse(stdout)
  const session = broker.sts.sessions.at(-1)
  expect(first.arn).toMatch(new RegExp(`:assumed-role/[^/]+/${session?.name}$`))
  expect(second).toEqual(first)
  // One session for the grant, however often the SDK asked.
  expect(
    broker.sts.sessions.filter(({ tags }) => tags['credctl:scope'] === task.scope),
  ).toHaveLength(1)
  expect((await served()) - before).toBeGreaterThanOrEqual(2)
})

/** How many credentials the broker has handed out. */
async function served(): Promise<number> {
  const { text } = await send(`${broker.url}/metrics`)
  return Number(/^credctl_credentials_total\{outcome="served"\} ([0-9]+)$/m.exec(text)?.[1] ?? 0)
}
