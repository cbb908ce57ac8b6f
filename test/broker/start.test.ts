import { generateKeyPairSync } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Config } from '../../src/config.ts'
import { startBroker } from '../../src/main.ts'
import type { SecretReference } from '../../src/secret/reference.ts'
import { SCOPES, send, type World, world } from '../api/world.ts'
import { testPostgres } from '../support/postgres.ts'

/** A broker that cannot be sure of something does not start, and says of what. */
const postgres = testPostgres()
let here: World
let directory: string

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'credctl-start-'))
  here = await world(postgres)
}, 60_000)
afterAll(async () => {
  await here?.close()
  await rm(directory, { recursive: true, force: true })
})

async function put(name: string, text: string): Promise<SecretReference> {
  const file = join(directory, name)
  await writeFile(file, text, { mode: 0o600 })
  return `file:${file}`
}

const pem = (type: 'ed25519' | 'rsa') =>
  (type === 'rsa'
    ? generateKeyPairSync('rsa', { modulusLength: 2048 })
    : generateKeyPairSync('ed25519')
  ).privateKey
    .export({ type: 'pkcs8', format: 'pem' })
    .toString()

const QUIET = { logger: pino({ level: 'silent' }), sweepEveryMs: 60_000 }

async function failure(change: (config: Config) => Config | Promise<Config>): Promise<unknown> {
  const free = { ...here.config, listen: { host: '127.0.0.1', port: 0 } }
  try {
    const started = await startBroker(await change(free), SCOPES, QUIET)
    await started.close()
    return 'it started'
  } catch (error) {
    return error
  }
}

const ledger = (config: Config, change: object): Config => ({
  ...config,
  ledger: config.ledger === undefined ? undefined : { ...config.ledger, ...change },
})

describe('a broker does not start', () => {
  test('on an address that is taken', async () => {
    const error = await failure((config) => ({ ...config, listen: here.config.listen }))
    expect(error).toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('it is taken'),
    })
    expect((await send(`${here.url}/readyz`)).status).toBe(200)
  })

  test('on an address of another machine', async () => {
    const error = await failure((config) => ({ ...config, listen: { host: '192.0.2.1', port: 0 } }))
    expect(error).toMatchObject({ code: 'unavailable' })
  })

  test.each([
    ['that is not there', async () => `file:${directory}/nothing` as const, 'secret_unresolvable'],
    ['that is empty', () => put('empty.pem', ''), 'secret_unresolvable'],
    ['that is no PEM', () => put('text.pem', 'hunter2-canary'), expect.any(String)],
    ['of another kind', () => put('rsa.pem', pem('rsa')), expect.any(String)],
    ['that is cut off', () => put('cut.pem', pem('ed25519').slice(0, 60)), expect.any(String)],
    [
      'that is public',
      async () =>
        put(
          'public.pem',
          generateKeyPairSync('ed25519')
            .publicKey.export({ type: 'spki', format: 'pem' })
            .toString(),
        ),
      expect.any(String),
    ],
  ])('with a key %s', async (_what, make, code) => {
    const good = await put('good.pem', pem('ed25519'))
    for (const keys of [
      { log: await make(), token: good },
      { log: good, token: await make() },
    ]) {
      const error = await failure((config) => ({ ...config, keys }))
      expect(error).toMatchObject({ name: 'CredctlError', code })
      expect(inspect(error, { depth: 9 })).not.toContain('hunter2-canary')
      expect(inspect(error, { depth: 9 })).not.toContain('PRIVATE')
    }
  })

  test('with a log key that is not the one of its ledger', async () => {
    const keys = {
      log: await put('log.pem', pem('ed25519')),
      token: await put('token.pem', pem('ed25519')),
    }
    const error = await failure((config) => ({ ...config, keys }))
    expect(error).toMatchObject({ code: 'ledger_diverged' })
  })

  test('under another origin than that of its ledger', async () => {
    const error = await failure((config) => ({ ...config, origin: 'elsewhere.example/log' }))
    expect(error).toMatchObject({ code: 'ledger_diverged' })
  })

  test('with a password that the ledger refuses, which it does not repeat', async () => {
    const password = await put('password', 'hunter2-canary')
    const error = await failure((config) => ledger(config, { password }))
    expect(error).toMatchObject({
      code: expect.stringMatching(/ledger_unavailable|config_invalid/),
    })
    expect(inspect(error, { depth: 9 })).not.toContain('hunter2-canary')
  })

  test('on a database without a ledger', async () => {
    const database = await postgres.database('empty')
    const user = here.config.ledger?.user ?? ''
    await postgres.pool().query(`GRANT CONNECT ON DATABASE ${database} TO ${user}`)
    const error = await failure((config) => ledger(config, { database }))
    expect(error).toMatchObject({ code: 'ledger_not_migrated' })
  })

  test('without its ledger', async () => {
    const error = await failure((config) => ledger(config, { port: 1 }))
    expect(error).toMatchObject({ code: 'ledger_unavailable' })
  })
})

test('what failed to start leaves no connection behind', async () => {
  const count = async () => {
    const { rows } = await postgres
      .pool()
      .query<{ n: number }>(
        `SELECT count(*)::int AS n FROM pg_stat_activity WHERE usename = '${here.config.ledger?.user}'`,
      )
    return rows[0]?.n ?? 0
  }
  const before = await count()
  for (let tries = 0; tries < 5; tries += 1) {
    await failure((config) => ({ ...config, listen: here.config.listen }))
  }
  await expect.poll(count).toBeLessThanOrEqual(before)
})

test('a broker that stops finishes what runs, and serves nothing after', async () => {
  const { host, port, close } = await here.replica()
  const url = `http://${host}:${port}/readyz`
  const running = Array.from({ length: 10 }, () => send(url))
  const stopping = Promise.all([...running.slice(0, 1)]).then(() => close())
  const results = await Promise.allSettled(running)
  for (const result of results) {
    if (result.status === 'fulfilled') expect(result.value.status).toBe(200)
  }
  await stopping
  await expect(send(url)).rejects.toThrow()
})
