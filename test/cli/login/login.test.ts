import { spawn } from 'node:child_process'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { OUTPUTS } from '../../../src/cli/output/schemas.ts'
import type { Config } from '../../../src/config.ts'
import { issuerSchema } from '../../../src/identity/issuer.ts'
import { type TestBroker, testBroker } from '../../support/broker.ts'
import {
  CLIENT_ID,
  type IdentityProvider,
  startIdentityProvider,
} from '../../support/identity-provider.ts'
import { Person } from '../../support/person.ts'
import { testPostgres } from '../../support/postgres.ts'
import { type Outcome, runCredctl } from '../session.ts'

const SCOPE = `name: look-at-orders
owner: team-orders
description: What a person on a laptop may see.
allow:
  - { caller: local, issuer: laptops, claims: { sub: alice } }
  - { caller: agent, issuer: laptops, claims: { sub: alice } }
environments: [staging, prod]
ttl: 15m
access:
  orders-db:
    postgres:
      tables:
        public.orders: [select]
`

const postgres = testPostgres()
let provider: IdentityProvider
let stranger: IdentityProvider
let broker: TestBroker
let place = ''
let env: Record<string, string> = {}

beforeAll(async () => {
  place = await mkdtemp(join(tmpdir(), 'credctl-login-'))
  await mkdir(join(place, 'scopes'))
  await writeFile(join(place, 'scopes/look-at-orders.yaml'), SCOPE)
  provider = await startIdentityProvider()
  stranger = await startIdentityProvider()
  const laptops = issuerSchema.parse({
    issuer: provider.url,
    audience: CLIENT_ID,
    callers: [{ class: 'local' }],
  })
  const configure = (config: Config) => ({ ...config, issuers: { ...config.issuers, laptops } })
  broker = await testBroker(postgres, { scopes: join(place, 'scopes'), configure })
})
afterAll(async () => {
  await broker?.close()
  await provider?.close()
  await stranger?.close()
  await rm(place, { recursive: true, force: true })
})

beforeEach(async () => {
  const state = await mkdtemp(join(place, 'state-'))
  env = {
    CREDCTL_BROKER: broker.url,
    CREDCTL_LOGIN_ISSUER: provider.url,
    CREDCTL_LOGIN_CLIENT_ID: CLIENT_ID,
    XDG_STATE_HOME: state,
  }
})

function credctl(argv: readonly string[], more: Record<string, string> = {}): Promise<Outcome> {
  return runCredctl(argv, { cwd: place, env: { ...env, ...more } })
}

const BIN = join(import.meta.dirname, '../../../bin/credctl.js')

/** Runs `credctl login` while a person does what it says on the terminal. */
async function login(
  argv: readonly string[],
  person: (told: string) => Promise<unknown>,
): Promise<{ status: number | null; stdout: string; stderr: string }> {
  const child = spawn(process.execPath, [BIN, 'login', ...argv], {
    cwd: place,
    env: { PATH: process.env['PATH'], HOME: place, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let [stdout, stderr] = ['', '']
  let acting: Promise<unknown> | undefined
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
    if (/https?:\/\/\S+[\s\S]*\n$/.test(stderr)) acting ??= person(stderr)
  })
  const status = await new Promise<number | null>((resolve) => child.once('close', resolve))
  await acting
  return { status, stdout, stderr }
}

const inBrowser = (name: string) => async (told: string) => {
  const [address = ''] = /http\S+\/auth\?\S+/.exec(told) ?? []
  await fetch(await new Person(name).signIn(address))
}

const onOtherMachine = (name: string) => async (told: string) => {
  const [, address = '', code = ''] = /open (\S+) .* code (\S+)/.exec(told) ?? []
  await new Person(name).enterCode(address, code, 'confirm')
}

describe('credctl login', () => {
  test('signs in, and other commands are then of class local', async () => {
    const before = await credctl(['grant', 'list'])
    expect(before.status).toBe(2)
    expect(before.stderr).toContain('Sign in with credctl login')

    const signedIn = await login([], inBrowser('alice'))
    expect(signedIn.status, signedIn.stderr).toBe(0)
    expect(signedIn.stdout).toMatch(
      /^alice of http:\S+ for http:\S+\n {2}until \S+; kept in the file\n$/,
    )

    const argv = ['exec', '--scope', 'look-at-orders', '--env', 'staging', '--', 'env']
    const ran = await credctl(argv)
    expect(ran.status, ran.stderr).toBe(0)
    expect(ran.stdout).toContain('PGPASSFILE=')
    const listed = await credctl(['grant', 'list'])
    expect(listed.stdout).toContain('local alice')
  })

  test('lets a person start an agent as one, and nobody as more than they are', async () => {
    await login([], inBrowser('alice'))
    const task = ['--scope', 'look-at-orders', '--env', 'staging']
    const as = (name: string) => credctl(['exec', ...task, '--caller-class', name, '--', 'true'])
    const ran = await as('agent')
    expect(ran.status, ran.stderr).toBe(0)
    expect((await credctl(['grant', 'list'])).stdout).toContain('agent alice')
    expect((await as('ci')).status).toBe(2)
  })

  test('does not make production of a laptop', async () => {
    await login([], inBrowser('alice'))
    const argv = ['exec', '--scope', 'look-at-orders', '--env', 'prod', '--', 'env']
    const { status, stdout, stderr } = await credctl(argv)
    expect(status).toBe(1)
    expect(stdout).toBe('')
    expect(stderr).toContain('prod')
  })

  test('by device prints the published shape, and no token anywhere', async () => {
    const { status, stdout, stderr } = await login(
      ['--device', '--output', 'json'],
      onOtherMachine('alice'),
    )
    expect(status, stderr).toBe(0)
    const parsed = OUTPUTS.login.safeParse(JSON.parse(stdout))
    expect(parsed.error?.issues).toBeUndefined()
    expect(parsed.data).toMatchObject({ signed_in: true, subject: 'alice', kept_in: 'file' })
    const directory = join(env['XDG_STATE_HOME'] ?? '', 'credctl/login')
    const [file = ''] = await readdir(directory)
    const token = await readFile(join(directory, file), 'utf8')
    expect(stdout + stderr).not.toContain(token.split('.')[1])
  })

  test('keeps a token for one broker, and offers it to no other', async () => {
    await login([], inBrowser('alice'))
    const elsewhere = broker.url.replace('127.0.0.1', 'localhost')
    const { status, stderr } = await credctl(['grant', 'list', '--broker', elsewhere])
    expect(status).toBe(2)
    expect(stderr).toContain('there is no identity token')
  })

  test('says who is signed in, and forgets them', async () => {
    expect((await credctl(['login', '--status'])).status).toBe(1)
    await login([], inBrowser('alice'))
    const { status, stdout } = await credctl(['login', '--status', '--output', 'json'])
    expect(status).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({ signed_in: true, issuer: provider.url })
    const forgotten = await credctl(['login', '--logout'])
    expect([forgotten.status, forgotten.stdout]).toEqual([0, `not signed in for ${broker.url}\n`])
    expect((await credctl(['login', '--status'])).status).toBe(1)
    expect((await credctl(['grant', 'list'])).stderr).toContain('there is no identity token')
  })

  test('keeps nothing that the broker refuses', async () => {
    env['CREDCTL_LOGIN_ISSUER'] = stranger.url
    const { status, stderr } = await login([], inBrowser('alice'))
    expect(status).toBe(1)
    expect(stderr).toContain('issuer')
    expect((await credctl(['login', '--status'])).stdout).toContain('not signed in')
  })

  test.each([
    ['no provider', ['login'], { CREDCTL_LOGIN_ISSUER: '' }, 'no identity provider is named'],
    ['two wishes', ['login', '--status', '--logout'], {}, 'exclude each other'],
    ['no port', ['login', '--port', '65536'], {}, 'expected a port'],
    ['no time', ['login', '--max-age', '-1'], {}, 'expected a number of seconds'],
    ['no broker', ['login', '--status'], { CREDCTL_BROKER: '' }, 'no broker is named'],
  ] as const)('is told what it lacks: %s', async (_what, argv, more, message) => {
    const { status, stderr } = await credctl(argv, more)
    expect(status).toBe(2)
    expect(stderr).toContain(message)
  })
})
