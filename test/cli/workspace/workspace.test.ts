import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import { OUTPUTS } from '../../../src/cli/output/schemas.ts'
import { listFiles } from '../../../src/cli/workspace/files.ts'
import { runCredctl, writeFiles } from '../session.ts'

const PASSWORD = ['kX8', 'vpQ2', 'rT5'].join('-')

const CONFIG = `origin: credctl.test/log
url: http://127.0.0.1:8080
issuers:
  agents: { issuer: https://agents.test, audience: https://credctl.test, callers: [{ class: agent }] }
environments:
  staging:
    class: nonprod
    targets:
      orders-db:
        postgres:
          host: db.staging.test
          database: orders
          admin: { user: broker, password: env:NEVER_READ }
`
const SCOPE = `name: backfill
owner: team-orders
description: Recompute totals of orders.
allow: [{ caller: agent, issuer: agents, claims: { team: orders } }]
environments: [staging]
ttl: 15m
access: { orders-db: { postgres: { tables: { public.orders: [select] } } } }
`

const made: string[] = []
let cwd = ''
beforeEach(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'credctl-workspace-'))
  made.push(cwd)
})
afterAll(async () => {
  for (const directory of made) await rm(directory, { recursive: true, force: true })
})

async function write(files: Record<string, string>): Promise<void> {
  await writeFiles(cwd, new Map(Object.entries(files)))
}

/** With a home of its own, so that the machine's is not looked at. */
async function workspace(...argv: string[]) {
  const home = join(cwd, 'home')
  await mkdir(home, { recursive: true })
  return await runCredctl(['doctor', 'workspace', ...argv], { cwd, env: { HOME: home } })
}

async function json(...argv: string[]) {
  const outcome = await workspace('--output', 'json', ...argv)
  const answer = JSON.parse(outcome.stdout)
  expect(OUTPUTS['doctor workspace'].safeParse(answer).error?.issues).toBeUndefined()
  return { ...outcome, answer }
}

describe('credctl doctor workspace', () => {
  test('names the place, the database and the scope that replaces it, and never the secret', async () => {
    const url = `postgres://app:${PASSWORD}@db.staging.test/orders`
    await write({
      'credctl.yaml': CONFIG,
      'task-scopes/backfill.yaml': SCOPE,
      'src/.env': `# ours\r\nDATABASE_URL=${url}\r\n`,
      '.gitignore': '.env\n',
    })
    const { status, stdout, stderr } = await workspace()
    expect(status).toBe(1)
    expect(stdout).toBe('')
    expect(stderr).toMatch(
      /^src\/\.env:2:29: url password of PostgreSQL \(orders on db\.staging\.test\) \(\w{12}\)\n/,
    )
    expect(stderr).toContain('credctl exec --scope backfill --env staging -- COMMAND')
    expect(stderr).not.toContain(PASSWORD)

    const { answer } = await json()
    expect(answer.findings).toEqual([
      {
        file: 'src/.env',
        line: 2,
        column: 29,
        kind: 'url-password',
        what: 'url password of PostgreSQL (orders on db.staging.test)',
        fingerprint: expect.stringMatching(/^\w{12}$/),
        scopes: [{ scope: 'backfill', environment: 'staging', target: 'orders-db' }],
        next: expect.stringContaining('rotate it'),
      },
    ])
  })

  test('is content with a workspace that holds none, and with finds that were accepted', async () => {
    await write({ 'a.txt': 'nothing here\n' })
    const clean = await json()
    expect([clean.status, clean.answer.files, clean.answer.ok]).toEqual([0, 1, true])

    await write({ '.env': `API_TOKEN=${PASSWORD}\n`, 'b/.env': `OTHER_TOKEN=${PASSWORD}\n` })
    const found = await json()
    const [{ fingerprint }, second] = found.answer.findings
    expect(second.fingerprint).toBe(fingerprint)
    const accepted = await json('--accept', fingerprint)
    expect([accepted.status, accepted.answer.accepted]).toEqual([0, 2])
  })

  test('looks where tools keep credentials at home, unless told not to', async () => {
    await write({ 'home/.pgpass': `db:5432:orders:me:${PASSWORD}\n`, 'home/.ssh/id_x.pub': 'ssh' })
    const { status, stderr } = await workspace('task-scopes-elsewhere', '--no-home')
    expect([status, stderr]).toEqual([2, expect.stringContaining('cannot be read as a directory')])
    await mkdir(join(cwd, 'empty'))
    const looked = await json('empty')
    expect(looked.answer.findings.map(({ file }: { file: string }) => file)).toEqual([
      'home/.pgpass',
    ])
    expect((await json('empty', '--no-home')).status).toBe(0)
  })

  test('follows links to files, goes round links to directories, pipes, and what is no text', async () => {
    await write({
      'outside/token.env': `API_TOKEN=${PASSWORD}\n`,
      'ws/a.txt': 'x',
      'ws/picture.png': `\x89PNG\0API_TOKEN=${PASSWORD}`,
      'ws/node_modules/x/.env': `API_TOKEN=${PASSWORD}`,
    })
    const ws = join(cwd, 'ws')
    await symlink('../outside/token.env', join(ws, '.env'))
    await symlink('..', join(ws, 'up'))
    await symlink('nowhere', join(ws, 'dangling'))
    await symlink('loop', join(ws, 'loop'))
    await promisify(execFile)('mkfifo', [join(ws, 'pipe.env')])
    const utf16 = Buffer.from(`\ufeffAPI_TOKEN=${PASSWORD}\r\n`, 'utf16le')
    await writeFile(join(ws, 'windows.env'), utf16)
    await writeFile(join(ws, 'huge.env'), 'x'.repeat(5 * 1024 * 1024))
    const { answer, stderr } = await json('ws', '--no-home')
    const files = answer.findings.map(({ file }: { file: string }) => file)
    expect(files).toEqual(['ws/.env', 'ws/windows.env'])
    expect(answer.not_looked_at.sort()).toEqual(['ws/huge.env', 'ws/up'])
    expect(stderr).toContain('2 not looked at')
  })

  test('never takes a part of a workspace for the whole', async () => {
    await write({ 'a/1': '', 'a/2': '', '3': '' })
    expect(await listFiles(cwd, 3)).toMatchObject({ complete: true, paths: { length: 3 } })
    expect(await listFiles(cwd, 2)).toMatchObject({ complete: false, paths: { length: 2 } })
  })

  test('prints hostile names as text, in every form', async () => {
    const name = 'x\u001b[2J\n::error::y,z:%.env'
    await write({ [name]: `API_TOKEN=${PASSWORD}\n` })
    const { stderr } = await workspace('--no-home')
    expect(stderr).not.toContain('\u001b')
    const github = await workspace('--no-home', '--output', 'github')
    expect(github.stdout).toMatch(/^::error file=x[^\n]*%0A%3A%3Aerror[^\n]*\n$/)
    const sarif = JSON.parse((await workspace('--no-home', '--output', 'sarif')).stdout)
    expect(sarif.runs[0].results[0].ruleId).toBe('long-lived-secret')
    for (const form of ['text', 'json', 'github', 'sarif']) {
      const { stdout, stderr: said } = await workspace('--no-home', '--output', form)
      expect(stdout + said).not.toContain(PASSWORD)
    }
  })
})
