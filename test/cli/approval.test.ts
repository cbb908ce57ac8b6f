import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { OUTPUTS } from '../../src/cli/output/schemas.ts'
import type { World } from '../api/world.ts'
import { approvalWorld, pending, personToken, poll } from '../approval/world.ts'
import { testPostgres } from '../support/postgres.ts'
import { runCredctl } from './session.ts'

const postgres = testPostgres()
let here: World
let home = ''

beforeAll(async () => {
  here = await approvalWorld(postgres)
  home = await mkdtemp(join(tmpdir(), 'credctl-approval-'))
}, 60_000)
afterAll(async () => {
  await here?.close()
  await rm(home, { recursive: true, force: true })
})

async function as(name: string, argv: readonly string[], claims: object = {}) {
  const file = join(home, name)
  await writeFile(file, await personToken(here, name, claims))
  const env = { CREDCTL_BROKER: here.url, CREDCTL_IDENTITY_TOKEN_FILE: file }
  return await runCredctl(argv, { cwd: home, env })
}

describe('credctl approval', () => {
  test('lists, shows and approves a request, which then gives its grant', async () => {
    const asked = await pending(here)
    const list = await as('ann', ['approval', 'list', '--mine'])
    expect(list.stdout).toContain(asked.bindingCode)
    expect(list.stdout).toContain('approvers 0/1')

    const show = await as('ann', ['approval', 'show', asked.id])
    expect(show.stdout).toContain(`code         ${asked.bindingCode}`)
    expect(show.stdout).toContain('they say     "Delete the orders of customer')
    expect(show.stdout).toContain('delete 1')

    const approve = await as('ann', ['approval', 'approve', asked.id, '--reason', 'Checked.'])
    expect([approve.status, approve.stdout]).toEqual([0, `${asked.id}: approved\n`])
    expect(approve.stderr).toContain(asked.plan)
    const granted = await poll(here, asked.code)
    expect(granted.status).toBe(200)
    const shown = await as('ann', ['approval', 'show', asked.id, '--output', 'json'])
    const value = OUTPUTS['approval show'].parse(JSON.parse(shown.stdout))
    expect(value.status).toBe('redeemed')
    expect(value.verdicts).toEqual([
      expect.objectContaining({ subject: 'ann', via: 'cli', reason: 'Checked.' }),
    ])
  })

  test('denies several at once, and fails when one of them was not recorded', async () => {
    const first = await pending(here)
    const second = await pending(here)
    const deny = await as('ann', ['approval', 'deny', first.id, second.id, '--output', 'json'])
    expect(deny.status).toBe(0)
    const { results } = OUTPUTS['approval deny'].parse(JSON.parse(deny.stdout))
    expect(results.map(({ status }) => status)).toEqual(['denied', 'denied'])
    const again = await as('dora', ['approval', 'approve', first.id])
    expect(again.status).toBe(1)
    expect(again.stdout).toContain('not recorded (approval_settled)')
  })

  test('refuses a plan that is not the one of the request', async () => {
    const asked = await pending(here)
    const other = `sha256:${'0'.repeat(64)}`
    const approve = await as('ann', ['approval', 'approve', asked.id, '--plan', other])
    expect(approve.status).toBe(1)
    expect(approve.stdout).toContain('plan_changed')
  })

  test('is for people with the role alone', async () => {
    const asked = await pending(here)
    const approve = await as('eve', ['approval', 'approve', asked.id], { role: 'nothing' })
    expect(approve.status).toBe(1)
    expect(approve.stderr).toContain('there is no such request for approval')
  })

  test('shows nothing of a hostile intent that a terminal would obey', async () => {
    const task = {
      scope: 'purge-orders',
      environment: 'staging',
      intent: 'Look.\n  needs        nobody\n  status       approved',
      parameters: { ticket: 'ORD-1' },
    }
    const asked = await pending(here, { task })
    const { stdout } = await as('ann', ['approval', 'show', asked.id])
    expect(stdout.split('\n').filter((line) => line.startsWith('  status'))).toHaveLength(1)
    expect(stdout).toContain('\\n  needs')
  })
})

describe('credctl scope plan', () => {
  const plan = async (name: string, ...more: string[]) => {
    const argv = ['scope', 'plan', name, '--env', 'staging', '--config', 'credctl.example.yaml']
    return await runCredctl([...argv, ...more], {
      cwd: join(import.meta.dirname, '../..'),
      env: {},
    })
  }

  test('says whom the broker would ask first', async () => {
    const purge = await plan('purge-test-orders')
    expect([purge.status, purge.stderr]).toEqual([
      0,
      'credctl: class agent waits for 1 of dba (deletes-want-a-dba, supervised-rows)\n',
    ])
    const backfill = await plan('backfill-order-totals', '--param', 'ticket=ORD-1')
    expect([backfill.status, backfill.stderr]).toEqual([0, ''])
  })
})
