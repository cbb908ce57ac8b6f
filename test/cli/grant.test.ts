import { spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { fetchCredential, type HeldGrant, requestGrant } from '../../src/cli/broker/grant.ts'
import { OUTPUTS } from '../../src/cli/output/schemas.ts'
import { type TestBroker, testBroker } from '../support/broker.ts'
import { testPostgres } from '../support/postgres.ts'
import { runCredctl } from './session.ts'

const postgres = testPostgres()
let broker: TestBroker
const BIN = join(import.meta.dirname, '../../bin/credctl.js')
let home = ''
let env: Record<string, string> = {}

/** Times, places in the log, kinds of entries and what they say; the last line is still to come. */
const TIMELINE = new RegExp(
  [
    String.raw`  [\d:]{8}  \+0:0\d   #\d+ \* grant\.decided         allow: agent agent-7 of agents, .*`,
    String.raw`  [\d:]{8}  \+\d:\d\d   #\d+ \* credential\.requested  orders-db: login \w+`,
    String.raw`  [\d:]{8}  \+\d:\d\d   #\d+ \* credential\.minted     orders-db: cbg_\w+ until .*`,
    String.raw`  [\d:]{8}  \+15:00   +- expires`,
  ].join('\n'),
)

const INTENT = 'tidy up everything'

beforeAll(async () => {
  broker = await testBroker(postgres)
  home = await mkdtemp(join(tmpdir(), 'credctl-grant-'))
  env = { CREDCTL_BROKER: broker.url, CREDCTL_IDENTITY_TOKEN_FILE: await identity('agent-7') }
})
afterAll(async () => {
  await broker?.close()
  await rm(home, { recursive: true, force: true })
})

async function identity(sub: string): Promise<string> {
  const file = join(home, sub)
  await writeFile(file, await broker.issuers.agent({ sub, team: 'orders' }))
  return file
}

async function takeGrant(): Promise<HeldGrant> {
  const token = await broker.issuers.agent({ sub: 'agent-7', team: 'orders' })
  return await requestGrant(broker.url, token, {
    scope: 'backfill-order-totals',
    environment: 'staging',
    intent: INTENT,
    parameters: { ticket: 'ORD-1' },
  })
}

function credctl(argv: readonly string[], more: Record<string, string> = {}) {
  return runCredctl(argv, { cwd: home, env: { ...env, ...more } })
}

describe('credctl grant', () => {
  test('lists, shows and revokes, without a secret', async () => {
    const grant = await takeGrant()
    const credential = await fetchCredential(broker.url, grant.token, 'orders-db')

    const listed = await credctl(['grant', 'list', '--live', '--scope', 'backfill-order-totals'])
    expect(listed.status, listed.stderr).toBe(0)
    expect(listed.stdout).toContain(
      `${grant.id}  live    backfill-order-totals  staging      agent agent-7`,
    )
    expect(listed.stdout).toContain(INTENT)

    const shown = await credctl(['grant', 'show', grant.id])
    expect(shown.status, shown.stderr).toBe(0)
    expect(shown.stdout.split('\n\n')[1]).toMatch(TIMELINE)
    for (const { stdout, stderr } of [listed, shown]) {
      expect(stdout + stderr).not.toContain(grant.token)
      expect(stdout + stderr).not.toContain(credential.text('password'))
    }

    const revoked = await credctl(['grant', 'revoke', grant.id])
    expect(revoked.status, revoked.stderr).toBe(0)
    expect(revoked.stdout).toBe(`${grant.id} has ended\n  orders-db: gone\n`)
    const after = await credctl(['grant', 'list', '--live'])
    expect(after.stdout).not.toContain(grant.id)
  })

  test.each([
    ['grant list', ['grant', 'list', '--env', 'staging', '--output', 'json']],
    ['grant show', ['grant', 'show', 'ID', '--output', 'json']],
    ['grant revoke', ['grant', 'revoke', 'ID', '--output', 'json']],
  ] as const)('prints the published shape: %s', async (name, argv) => {
    const { id } = await takeGrant()
    const { status, stdout } = await credctl(argv.map((word) => (word === 'ID' ? id : word)))
    expect(status).toBe(0)
    expect(OUTPUTS[name].safeParse(JSON.parse(stdout)).error?.issues).toBeUndefined()
    await credctl(['grant', 'revoke', id])
  })

  test("answers for somebody else's grant as for one that does not exist", async () => {
    const { id } = await takeGrant()
    const other = { CREDCTL_IDENTITY_TOKEN_FILE: await identity('agent-8') }
    const theirs = await credctl(['grant', 'revoke', id, '--output', 'json'], other)
    const none = await credctl(['grant', 'revoke', '01ARZ3NDEKTSV4RRFFQ69G5FAV'], other)
    expect([theirs.status, none.status]).toEqual([1, 1])
    expect(JSON.parse(theirs.stdout).error).toMatchObject({
      code: 'grant_not_found',
      request: expect.stringMatching(/^\w{26}$/),
    })
    expect(none.stderr).toContain('there is no such grant for this caller')
    await credctl(['grant', 'revoke', id])
  })

  test('keeps a hostile id inside its path segment', async () => {
    const { status, stderr } = await credctl(['grant', 'show', '../scopes/deploy-web'])
    expect(status).toBe(1)
    expect(stderr).toContain('there is no such grant')
  })

  test('asks GitHub Actions for a token when the job may', async () => {
    const seen: string[] = []
    const token = await broker.issuers.agent({ sub: 'agent-7', team: 'orders' })
    const server = createServer((request, response) => {
      seen.push(`${request.headers.authorization} ${request.url}`)
      response.end(JSON.stringify({ value: token }))
    }).listen(0, '127.0.0.1')
    await new Promise((resolve) => server.once('listening', resolve))
    const { port } = server.address() as AddressInfo
    const { status } = await credctl(['grant', 'list'], {
      CREDCTL_IDENTITY_TOKEN_FILE: '',
      ACTIONS_ID_TOKEN_REQUEST_URL: `http://127.0.0.1:${port}/token?api=1`,
      ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'job',
    })
    server.close()
    expect(status).toBe(0)
    expect(seen).toEqual([`Bearer job /token?api=1&audience=${encodeURIComponent(broker.url)}`])
  })
})

describe('credctl grant list --watch', () => {
  test('prints what changed for programs, one JSON object a line', async () => {
    const child = spawn(
      process.execPath,
      [BIN, 'grant', 'list', '--live', '--watch', '--output', 'json'],
      {
        cwd: home,
        env: { PATH: process.env['PATH'] ?? '', HOME: home, ...env },
      },
    )
    const seen: string[][] = []
    const lines = createInterface({ input: child.stdout })
    let taken: HeldGrant | undefined
    for await (const line of lines) {
      const { grants } = OUTPUTS['grant list'].parse(JSON.parse(line))
      seen.push(grants.map(({ id }) => id))
      if (seen.length === 1) taken = await takeGrant()
      if (seen.length === 2) await credctl(['grant', 'revoke', taken?.id ?? ''])
      if (seen.length === 3) child.kill('SIGINT')
    }
    expect(seen).toEqual([[], [taken?.id], []])
  })

  test('ends with a refusal, and when there never was a broker', async () => {
    const refused = await credctl(['grant', 'list', '--watch', '--scope', 'A'])
    expect([refused.status, refused.stdout]).toEqual([1, ''])
    const nobody = await credctl(['grant', 'list', '--watch'], {
      CREDCTL_BROKER: 'http://127.0.0.1:9',
    })
    expect([nobody.status, nobody.stderr]).toEqual([1, expect.stringContaining('no answer from')])
  })
})

describe('an address that is no broker', () => {
  test.each([
    ['a redirect', 302, '', 'answered with a redirect'],
    ['something that is not JSON', 200, '<html>', 'the answer is not JSON'],
    ['JSON of another kind', 200, '{"grants":7}', 'has no usable grants'],
    ['a refusal of another kind', 403, 'no', 'answered 403'],
    [
      'an unknown code',
      418,
      '{"code":"teapot","detail":"short and stout","request":"r"}',
      'short and stout',
    ],
  ])('gets an error of its own: %s', async (_what, code, body, message) => {
    const seen: string[] = []
    const server = createServer((request, response) => {
      seen.push(request.url ?? '')
      response.writeHead(code, { location: '/elsewhere' }).end(body)
    }).listen(0, '127.0.0.1')
    await new Promise((resolve) => server.once('listening', resolve))
    const { port } = server.address() as AddressInfo
    const { status, stderr } = await credctl(['grant', 'list'], {
      CREDCTL_BROKER: `http://127.0.0.1:${port}`,
    })
    server.close()
    expect(stderr).toContain(message)
    expect(status).toBe(1)
    expect(seen).toEqual(['/v1/grants'])
  })
})
