import { generateKeyPairSync } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { requestGrant } from '../../src/cli/broker/grant.ts'
import { logReceiptOutput } from '../../src/cli/output/log.ts'
import type { Config } from '../../src/config.ts'
import { formatCheckpoint } from '../../src/ledger/checkpoint.ts'
import { cosignaturesOf } from '../../src/ledger/cosignature.ts'
import { EMPTY_ROOT } from '../../src/ledger/merkle.ts'
import { createSigner, parseNote, parseVkey, type Signer } from '../../src/ledger/note.ts'
import { parsePolicy } from '../../src/ledger/policy.ts'
import { parseReceipt } from '../../src/ledger/receipt.ts'
import { httpLog, verifyLog, verifyReceipt } from '../../src/ledger/verify.ts'
import { startBroker } from '../../src/main.ts'
import { fileAnchor } from '../../src/publish/anchor-file.ts'
import { parsePrivateKey } from '../../src/secret/private-key.ts'
import { Secret } from '../../src/secret/secret.ts'
import { seededKey } from '../ledger/seeded-key.ts'
import { type TestBroker, testBroker } from '../support/broker.ts'
import { testPostgres } from '../support/postgres.ts'
import { startWitness, type TestWitness } from '../support/witness.ts'

const ORIGIN = 'credctl.tour.example/log'
const postgres = testPostgres()
let home = ''
let keyNumber = 0

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'credctl-publish-'))
})
afterAll(() => rm(home, { recursive: true, force: true }))

/** A key in a file, as an operator has it. */
async function newKey(): Promise<{ reference: `file:${string}`; signer: Signer }> {
  const { privateKey } = generateKeyPairSync('ed25519')
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  keyNumber += 1
  const file = join(home, `key-${keyNumber}.pem`)
  await writeFile(file, pem, { mode: 0o600 })
  const signer = createSigner(ORIGIN, parsePrivateKey(new Secret(pem), 'a key'))
  return { reference: `file:${file}`, signer }
}

async function eventually<T>(look: () => Promise<T | undefined>): Promise<T> {
  for (let tries = 0; tries < 200; tries += 1) {
    const found = await look()
    if (found !== undefined) return found
    await new Promise((resolve) => setTimeout(resolve, 25))
  }
  throw new Error('it did not come about')
}

async function grant(broker: TestBroker) {
  const token = await broker.issuers.agent({ sub: 'agent-7', team: 'orders' })
  return await requestGrant(broker.url, token, {
    scope: 'backfill-order-totals',
    environment: 'staging',
    intent: 'totals of may',
    parameters: { ticket: 'ORD-1' },
  })
}

/** A refusal is an entry too. */
async function beRefused(broker: TestBroker, url: string): Promise<void> {
  const token = await broker.issuers.agent({ sub: 'agent-7', team: 'orders' })
  const task = { scope: 'nothing', environment: 'staging', intent: 'x', parameters: {} }
  await expect(requestGrant(url, token, task)).rejects.toThrow('the broker refused')
}

describe('a broker with a witness and an anchor', () => {
  let witness: TestWitness
  let broker: TestBroker
  let log: Awaited<ReturnType<typeof newKey>>
  const anchorFile = () => join(home, 'anchor.jsonl')

  beforeEach(async () => {
    log = await newKey()
    witness = await startWitness({ key: seededKey(2), logs: [parseVkey(log.signer.vkey)] })
    broker = await testBroker(postgres, { configure, publishEveryMs: 20 })
  })
  afterEach(async () => {
    await broker.close()
    await witness.close()
    await rm(anchorFile(), { force: true })
  })

  const configure = (config: Config): Config => ({
    ...config,
    keys: { log: log.reference, token: log.reference },
    witnesses: {
      known: { first: { url: witness.url, key: witness.vkey } },
      groups: {},
      quorum: 'first',
    },
    anchors: { kept: { file: { path: anchorFile() }, every: 1 } },
  })

  const receipts = async ({ id, token }: { id: string; token: string }) => {
    const headers = { authorization: `Bearer ${token}` }
    const answer = await fetch(`${broker.url}/v1/grants/${id}/receipts`, { headers })
    const list = logReceiptOutput.parse(await answer.json()).receipts
    return list.map(({ receipt, entry }) => ({ receipt, entry: Buffer.from(entry) }))
  }

  const metrics = async () => await (await fetch(`${broker.url}/metrics`)).text()
  const policy = () => parsePolicy(`log ${log.signer.vkey}\nwitness w ${witness.vkey}\nquorum w\n`)

  test('serves the log with cosignatures, and receipts that carry them', async () => {
    const before = (await (await fetch(`${broker.url}/log/checkpoint`)).text()).split('\n')[1]
    const held = await grant(broker)
    const verified = await eventually(async () => {
      const result = await verifyLog(httpLog(`${broker.url}/log`), {
        keys: policy().logs,
        policy: policy(),
      })
      const grew = (result.checkpoint?.size ?? 0) > Number(before)
      return result.ok && grew ? result : undefined
    })
    expect(verified.cosignatures.map((each) => each.witness)).toEqual([witness.name])
    const excluded = verified.exclusions.filter((each) => each.excluded)
    expect(excluded.map(({ attack }) => attack)).toEqual([
      'altered_entry',
      'removed_entry',
      'cut_tail',
      'forked_history',
    ])
    const [{ receipt = '', entry = Buffer.alloc(0) } = {}] = await receipts(held)
    const { checkpoint } = parseReceipt(receipt)
    expect(verifyReceipt(receipt, entry, policy().logs).checkpoint.size).toBeGreaterThan(0)
    expect(cosignaturesOf(parseNote(checkpoint), [witness.verifier])).toHaveLength(1)
    expect(await metrics()).toContain('credctl_witness_lag_seconds{witness="first"} 0\n')
    expect(await metrics()).toContain('credctl_checkpoint_quorum 1\n')
  })

  test('proves in the checkpoint that witnesses cosigned while a newer one waits', async () => {
    const held = await grant(broker)
    await eventually(async () => {
      const [{ receipt = '' } = {}] = await receipts(held)
      return receipt.includes(witness.name) ? receipt : undefined
    })
    witness.misbehave((_request, response) => {
      response.writeHead(503).end()
      return true
    })
    const served = async () => await (await fetch(`${broker.url}/log/checkpoint`)).text()
    const before = await served()
    for (let more = 0; more < 3; more += 1) await beRefused(broker, broker.url)
    expect(await served()).toBe(before)
    for (const { receipt, entry } of await receipts(held)) {
      const { checkpoint } = verifyReceipt(receipt, entry, policy().logs)
      expect(checkpoint.signed).toBe(before)
    }
  })

  test('keeps checkpoints in its anchor', async () => {
    await grant(broker)
    const kept = await eventually(async () => {
      const found = await fileAnchor(anchorFile())
        .read(10)
        .catch(() => undefined)
      return found !== undefined && found.kept.length > 0 ? found.kept : undefined
    })
    expect(parseNote(kept[0]?.note ?? '').text).toMatch(new RegExp(`^${ORIGIN}\n[1-9]`))
  })

  test('grants while its witness hangs, and says so', async () => {
    witness.misbehave((_request, response) => {
      response.writeHead(503).end()
      return true
    })
    await grant(broker)
    const seen = await eventually(async () => {
      const text = await metrics()
      return text.includes('credctl_witness_failures_total{witness="first",why="refused"}')
        ? text
        : undefined
    })
    expect(seen).toMatch(/credctl_witness_lag_seconds\{witness="first"\} [0-9.]+/)
    expect((await fetch(`${broker.url}/log/checkpoint`)).status).toBe(200)
  })

  test('does not start on a database that is older than its anchor', async () => {
    const text = formatCheckpoint({ origin: ORIGIN, size: 5000, root: EMPTY_ROOT })
    await fileAnchor(anchorFile()).put({
      origin: ORIGIN,
      size: 5000,
      root: EMPTY_ROOT,
      note: log.signer.sign(text),
    })
    await expect(broker.replica()).rejects.toMatchObject({ code: 'ledger_diverged' })
    await expect(broker.replica()).rejects.toThrow('anchor kept holds a checkpoint of 5000')
  })
})

describe('changing the key of the log', () => {
  test('goes on without a stop, and the log tells of it', async () => {
    const [first, second] = [await newKey(), await newKey()]
    const token = await newKey()
    const keys = { log: first.reference, token: token.reference }
    const broker = await testBroker(postgres, {
      configure: (config) => ({ ...config, keys: { ...keys, next_log: second.signer.vkey } }),
    })
    const stop = [() => broker.close()]
    const read = async (...signers: Signer[]) =>
      await verifyLog(httpLog(`${broker.url}/log`), {
        keys: signers.map(({ vkey }) => parseVkey(vkey)),
      })
    try {
      const held = await grant(broker)
      const before = await read(first.signer)
      expect(before.findings).toEqual([])

      // The next replica has the new key, while the first one still works with the old one.
      const former_log = [first.signer.vkey]
      const newToken = await newKey()
      const former_token = [token.reference]
      const tokens = { token: newToken.reference, former_token }
      const changed = { log: second.reference, former_log, ...tokens }
      const listen = { host: '127.0.0.1', port: 0 }
      const replica = await startBroker(
        { ...broker.config, listen, keys: changed },
        'task-scopes',
        {
          logger: pino({ level: 'silent' }),
        },
      )
      stop.push(() => replica.close())
      expect(replica.vkey).toBe(second.signer.vkey)
      const there = `http://${replica.host}:${replica.port}`
      for (const url of [there, broker.url, there]) await beRefused(broker, url)
      const headers = { authorization: `Bearer ${held.token}` }
      expect((await fetch(`${there}/v1/grants/${held.id}`, { headers })).status).toBe(200)
      const jwks = await (await fetch(`${there}/.well-known/jwks.json`)).json()
      expect(jwks).toMatchObject({ keys: [{ kty: 'OKP' }, { kty: 'OKP' }] })

      const after = await read(first.signer, second.signer)
      expect(after.findings).toEqual([])
      const seen = before.checkpoint === undefined ? [] : [before.checkpoint]
      const both = [first.signer, second.signer].map(({ vkey }) => parseVkey(vkey))
      const still = await verifyLog(httpLog(`${broker.url}/log`), { keys: both, seen })
      expect(still.findings).toEqual([])
    } finally {
      for (const close of stop.reverse()) await close()
    }
  })
})
