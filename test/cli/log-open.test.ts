import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { logOpenOutput } from '../../src/cli/output/log.ts'
import { bearer, granted, send, tokenOf, type World, withCallers, world } from '../api/world.ts'
import { testPostgres } from '../support/postgres.ts'
import { runCredctl } from './session.ts'

const postgres = testPostgres()
const privacy = { redact: [], commit: ['intent', 'claims.team'] }
let here: World
let home = ''
let grant: { id: string; token: string }
let index = ''

beforeAll(async () => {
  here = await world(postgres, { configure: (config) => withCallers({ ...config, privacy }) })
  home = await mkdtemp(join(tmpdir(), 'credctl-open-'))
  grant = await granted(here)
  const { body } = await send(`${here.url}/v1/grants/${grant.id}/receipts`, bearer(grant.token))
  const [first] = body['receipts'] as { index: number }[]
  index = String(first?.index)
}, 60_000)
afterAll(async () => {
  await here?.close()
  await rm(home, { recursive: true, force: true })
})

async function as(who: string, ...argv: readonly string[]) {
  const identity = join(home, 'identity')
  await writeFile(identity, await tokenOf(here, who))
  const env = { CREDCTL_BROKER: here.url, CREDCTL_IDENTITY_TOKEN_FILE: identity }
  return await runCredctl(argv, { cwd: home, env })
}

async function openings(change: string, ...values: unknown[]) {
  const table = 'credctl_ledger.openings'
  return await postgres.pool(here.ledgerDatabase).query(`UPDATE ${table} SET ${change}`, values)
}

describe('credctl log open', () => {
  test('prints what an entry commits to, for an auditor', async () => {
    const { status, stdout, stderr } = await as('auditor', 'log', 'open', index)
    expect(status, stderr).toBe(0)
    expect(stdout).toBe('claims.team: "orders"\nintent: "Look at an order."\n')
    const json = await as('auditor', 'log', 'open', index, '--output', 'json')
    expect(logOpenOutput.parse(JSON.parse(json.stdout))).toEqual({
      index: Number(index),
      grant: grant.id,
      values: [
        { at: 'claims.team', value: 'orders' },
        { at: 'intent', value: 'Look at an order.' },
      ],
    })
  })

  test('believes nothing that the entry does not commit to', async () => {
    await openings(`value = '"admins"' WHERE at = 'claims.team'`)
    const { status, stdout, stderr } = await as('auditor', 'log', 'open', index)
    await openings(`value = '"orders"' WHERE at = 'claims.team'`)
    expect(stderr).toContain('what the broker says of claims.team is not in the entry')
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' })
  })

  test.each([
    ['for an operator', 'operator', () => [index], 1, 'your roles do not reach this'],
    ['for an agent', 'agent', () => [index], 1, 'this token cannot be used here'],
    ['of an entry that is not there', 'auditor', () => ['4711'], 1, 'there is no entry 4711'],
    ['of an entry that commits to nothing', 'auditor', () => ['0'], 1, 'commits to nothing'],
    ['of no number', 'auditor', () => ['last'], 2, 'expected the number of an entry'],
  ])('is refused %s', async (_what, who, argv, expected, message) => {
    const { status, stderr } = await as(who, 'log', 'open', ...argv())
    expect(stderr).toContain(message)
    expect(status).toBe(expected)
  })
})

describe('credctl log erase', () => {
  test('is for operators, and not for a grant that is live', async () => {
    expect((await as('auditor', 'log', 'erase', grant.id)).status).toBe(1)
    const early = await as('operator', 'log', 'erase', grant.id)
    expect(early.status).toBe(1)
    expect(early.stderr).toContain('End the grant')
  })

  test('leaves nothing to open, and says so', async () => {
    await send(`${here.url}/v1/grants/${grant.id}`, { method: 'DELETE', ...bearer(grant.token) })
    const erased = await as('operator', 'log', 'erase', grant.id)
    expect(erased.stdout).toBe('2 values can no longer be read\n')
    const { stdout } = await as('auditor', 'log', 'open', index)
    expect(stdout).toBe('claims.team: erased\nintent: erased\n')
    const verified = await as('auditor', 'log', 'verify', '--key', here.running.vkey)
    expect(verified.status, verified.stdout).toBe(0)
  })
})
