import { afterEach, describe, expect, test } from 'vitest'
import type { ExportsConfig } from '../../../src/config/exports.ts'
import type { Config } from '../../../src/config.ts'
import { bearer, granted, send, tokenOf, type World, withCallers, world } from '../../api/world.ts'
import { testPostgres } from '../../support/postgres.ts'
import { type Receiver, startReceiver } from './receiver.ts'

/** Exports of a whole broker: beside requests, over restarts and among replicas. */
const postgres = testPostgres()
let here: World | undefined

afterEach(() => here?.close())

async function exporting(exports: ExportsConfig): Promise<World> {
  const configure = (config: Config) => withCallers({ ...config, exports })
  here = await world(postgres, { configure })
  return here
}

const to = ({ url }: Receiver) => ({ siem: { url, format: 'jsonl' as const } })

async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 15_000
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error('it did not come to hold in time')
    await new Promise((resolve) => setTimeout(resolve, 25))
  }
}

async function metric(broker: World, name: string): Promise<number> {
  const { text } = await send(`${broker.url}/metrics`)
  const line = text.split('\n').find((each) => each.startsWith(name))
  return Number(line?.split(' ').at(-1))
}

async function entriesOf(broker: World): Promise<number> {
  const { text } = await send(`${broker.url}/log/checkpoint`)
  return Number(text.split('\n')[1])
}

describe('a broker', () => {
  test('sends every entry to its receiver, and shows that none is left', async () => {
    const receiver = await startReceiver()
    const broker = await exporting(to(receiver))
    for (let n = 0; n < 5; n += 1) await granted(broker)
    const size = await entriesOf(broker)
    await until(() => new Set(receiver.indexes()).size >= size)
    expect(receiver.indexes().slice(0, size)).toEqual([...Array(size).keys()])
    await until(async () => (await metric(broker, 'credctl_export_lag_entries')) === 0)
    expect(await metric(broker, 'credctl_export_lag_seconds')).toBe(0)
    await until(async () => (await metric(broker, 'credctl_ledger_entries')) === size)
  })

  test('grants and mints while its receiver hangs, and shows how far that is behind', async () => {
    const receiver = await startReceiver()
    for (let n = 0; n < 100; n += 1) receiver.answers.push(() => undefined)
    const broker = await exporting(to(receiver))
    await until(() => receiver.bodies.length > 0)
    const grants = await Promise.all(Array.from({ length: 10 }, () => granted(broker)))
    const login = `${broker.url}/v1/credentials/orders-db`
    const fetched = await Promise.all(grants.map(({ token }) => send(login, bearer(token))))
    expect(fetched.map(({ status }) => status)).toEqual(grants.map(() => 200))
    expect((await send(`${broker.url}/readyz`)).status).toBe(200)
  })

  test('stops although its receiver hangs', async () => {
    const receiver = await startReceiver()
    for (let n = 0; n < 100; n += 1) receiver.answers.push(() => undefined)
    const broker = await exporting(to(receiver))
    await until(() => receiver.bodies.length > 0)
    await broker.close()
    here = undefined
  })

  test('counts failures by name and reason, and says so in its log', async () => {
    const receiver = await startReceiver()
    receiver.answers.push((response) => response.writeHead(503).end())
    const broker = await exporting(to(receiver))
    const name = 'credctl_export_failures_total{export="siem",why="busy"}'
    await until(async () => (await metric(broker, name)) === 1)
    expect(broker.log()).toContain('an export is behind')
    await until(async () => (await metric(broker, 'credctl_export_lag_entries')) > 0)
  })

  test('that is replaced leaves the cursor to the next one', async () => {
    const receiver = await startReceiver()
    const broker = await exporting(to(receiver))
    const replica = await broker.replica()
    await granted(broker)
    const size = await entriesOf(broker)
    await until(() => receiver.indexes().length >= size)
    await replica.close()
    expect(new Set(receiver.indexes()).size).toBe(receiver.indexes().length)
  })

  test('sends no token and no secret of its own', async () => {
    const receiver = await startReceiver()
    const broker = await exporting(to(receiver))
    const token = await tokenOf(broker, 'agent')
    const grant = await granted(broker)
    const size = await entriesOf(broker)
    await until(() => receiver.indexes().length >= size)
    const text = receiver.bodies.join('')
    expect(text).toContain(grant.id)
    for (const secret of [token, grant.token]) expect(text).not.toContain(secret)
  })
})

test('a broker does not start with the key of its log as the key of an export', async () => {
  const receiver = await startReceiver()
  const configure = (config: Config) => {
    const log = `file:${config.state}/keys/log.pem` as const
    const exports = { siem: { url: receiver.url, format: 'dsse', signing_key: log } } as const
    return withCallers({ ...config, exports })
  }
  await expect(world(postgres, { configure })).rejects.toMatchObject({
    code: 'config_invalid',
    message: 'exports.siem.signing_key is the key of the log',
  })
})
