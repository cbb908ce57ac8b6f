import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { inspect } from 'node:util'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { z } from 'zod'
import { CredctlError } from '../../src/errors.ts'
import { secretResolver } from '../../src/secret/resolve.ts'
import { PATIENCE } from '../../src/vault/client.ts'
import { PATHS } from '../../src/vault/path.ts'
import type { VaultAuth, VaultServer } from '../../src/vault/server.ts'
import { Vault } from '../../src/vault/vault.ts'
import { FakeVault, type Interference } from '../support/vault/vault.ts'

const FAST = { ...PATIENCE, deadlineMs: 400, attemptMs: 150, firstPauseMs: 5 }
const ENV: Record<string, string> = {
  ROLE: 'role-canary',
  SECRET: 'secret-canary',
  JWT: 'jwt-canary',
}
const WAYS: Record<string, { auth: VaultAuth; login: string }> = {
  approle: {
    auth: { approle: { mount: 'approle', role_id: 'env:ROLE', secret_id: 'env:SECRET' } },
    login: 'auth/approle/login {"role_id":"role-canary","secret_id":"secret-canary"}',
  },
  jwt: {
    auth: { jwt: { mount: 'jwt', role: 'credctl', jwt: 'env:JWT' } },
    login: 'auth/jwt/login {"role":"credctl","jwt":"jwt-canary"}',
  },
  kubernetes: {
    auth: { kubernetes: { mount: 'teams/k8s', role: 'credctl', jwt: 'env:JWT' } },
    login: 'auth/teams/k8s/login {"role":"credctl","jwt":"jwt-canary"}',
  },
}

let fake: FakeVault
const opened: Vault[] = []

beforeEach(async () => {
  fake = await new FakeVault().start()
})
afterEach(async () => {
  for (const vault of opened.splice(0)) await vault.close()
  await fake.close()
  vi.unstubAllEnvs()
})

/** By AppRole with a long-lived token, unless a test says otherwise. */
function vaultWith(more: Partial<VaultServer> = {}, ttl = 3600): Vault {
  const { auth, login } = WAYS['approle'] ?? { auth: { token: 'env:ROLE' }, login: '' }
  fake.logins.set(login, { policies: ['root'], ttl, renewable: true })
  const server = { address: fake.url, auth, ...more }
  const vault = new Vault(server, { resolve: secretResolver(ENV), patience: FAST })
  opened.push(vault)
  return vault
}

const SECRET = { method: 'GET', path: PATHS.secret('secret/data/db'), doing: 'reading' } as const
const body = z.object({ data: z.object({ data: z.record(z.string(), z.string()) }) })

async function store(data: Record<string, string>): Promise<void> {
  const headers = { 'x-vault-token': fake.rootToken }
  const options = { method: 'POST', headers, body: JSON.stringify({ data }) }
  await fetch(`${fake.url}/v1/secret/data/db`, options)
  fake.seen.length = 0
}

async function failureOf(run: Promise<unknown>): Promise<CredctlError> {
  const error = await run.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  if (!(error instanceof CredctlError)) throw new Error(`not a refusal: ${inspect(error)}`)
  return error
}

/** Which requests arrived, logins left out. */
const paths = () => fake.seen.map(({ path }) => path).filter((path) => !path.endsWith('/login'))

describe('the broker logs in to Vault', () => {
  test.each(Object.entries(WAYS))('by %s', async (_name, { auth, login }) => {
    await store({ password: 'x' })
    fake.logins.set(login, { policies: ['root'], ttl: 3600, renewable: true })
    const vault = vaultWith({ auth })
    expect(await vault.read(SECRET, body)).toEqual({ data: { data: { password: 'x' } } })
    expect(fake.seen[0]?.headers['x-vault-token']).toBeUndefined()
  })

  test('by a token that somebody else made, without asking for another', async () => {
    await store({ password: 'x' })
    ENV['GIVEN'] = fake.rootToken
    const vault = vaultWith({ auth: { token: 'env:GIVEN' } })
    await vault.read(SECRET, body)
    expect(fake.seen.map(({ path }) => path)).toEqual(['auth/token/lookup-self', 'secret/data/db'])
  })

  test('once for many requests at the same time', async () => {
    await store({ password: 'x' })
    const vault = vaultWith()
    await Promise.all(Array.from({ length: 20 }, () => vault.read(SECRET, body)))
    expect(fake.seen.filter(({ path }) => path.endsWith('/login'))).toHaveLength(1)
  })

  test('again once when many requests find the token dropped', async () => {
    await store({ password: 'x' })
    const vault = vaultWith()
    await vault.read(SECRET, body)
    for (const token of fake.tokens.all.values()) {
      if (token !== fake.tokens.root) fake.tokens.end(token)
    }
    await Promise.all(Array.from({ length: 20 }, () => vault.read(SECRET, body)))
    expect(fake.seen.filter(({ path }) => path.endsWith('/login'))).toHaveLength(2)
  })

  test('again when Vault has dropped the token mid-flight', async () => {
    await store({ password: 'x' })
    const vault = vaultWith()
    await vault.read(SECRET, body)
    for (const token of fake.tokens.all.values()) {
      if (token !== fake.tokens.root) fake.tokens.end(token)
    }
    expect(await vault.read(SECRET, body)).toEqual({ data: { data: { password: 'x' } } })
    expect(fake.seen.filter(({ path }) => path.endsWith('/login'))).toHaveLength(2)
  })

  test.each([
    ['', ['default'], 1],
    [', nor look at itself', [], 2],
  ])('but not again and again when it simply may not%s', async (_what, policies, logins) => {
    const vault = vaultWith()
    for (const login of fake.logins.values()) login.policies = policies
    for (let times = 0; times < 3; times += 1) {
      const refused = await failureOf(vault.read(SECRET, body))
      expect(refused.code).toBe('target_refused')
    }
    expect(fake.seen.filter(({ path }) => path.endsWith('/login'))).toHaveLength(logins)
  })

  test('and the token is renewed ahead of its end', async () => {
    await store({ password: 'x' })
    const vault = vaultWith({}, 1)
    await vault.read(SECRET, body)
    await expect.poll(() => paths(), { timeout: 2_000 }).toContain('auth/token/renew-self')
    await vault.read(SECRET, body)
    expect(fake.seen.filter(({ path }) => path.endsWith('/login'))).toHaveLength(1)
  })

  test('with words that name neither role id, secret id nor JWT when refused', async () => {
    for (const { auth } of Object.values(WAYS)) {
      fake.logins.clear()
      const vault = new Vault({ address: fake.url, auth }, { resolve: secretResolver(ENV) })
      opened.push(vault)
      const refused = await failureOf(vault.ask(SECRET))
      expect(refused.code).toBe('target_refused')
      expect(inspect(refused, { depth: 9 })).not.toMatch(/canary/)
    }
  })
})

describe('what Vault answers', () => {
  const answer =
    (status: number, text: string, type = 'application/json'): Interference =>
    ({ path }, response) => {
      if (path !== 'secret/data/db') return false
      response.writeHead(status, { 'content-type': type }).end(text)
      return true
    }
  const cases: [string, Interference, string, RegExp][] = [
    ['HTML with status 200', answer(200, '<html>', 'text/html'), 'target_refused', /not JSON/],
    ['HTML with status 502', answer(502, '<html>', 'text/html'), 'target_unavailable', /502/],
    ['half a document', answer(200, '{"data": {'), 'target_refused', /not JSON/],
    [
      'an error list with status 200',
      answer(200, '{"errors":["no"]}'),
      'target_refused',
      /should be/,
    ],
    [
      'an error list beside data',
      answer(200, '{"errors":["no"],"data":{"data":{}}}'),
      'target_refused',
      /should be/,
    ],
    ['data of another shape', answer(200, '{"data":{"data":7}}'), 'target_refused', /data\.data/],
    ['nothing', answer(200, ''), 'target_refused', /should be/],
    ['a megabyte and more', answer(200, `"${'x'.repeat(2 ** 21)}"`), 'target_refused', /bytes/],
    [
      'that it is sealed',
      answer(503, '{"errors":["Vault is sealed"]}'),
      'target_unavailable',
      /sealed/,
    ],
    ['a quota', answer(429, '{"errors":[]}'), 'target_unavailable', /quota/],
    ['an internal error', answer(500, '{"errors":["boom"]}'), 'target_unavailable', /500.*boom/],
    ['that nothing is there', answer(404, '{"errors":[]}'), 'target_refused', /nothing/],
    ['a status of no meaning', answer(299, '{}'), 'target_refused', /299/],
  ]

  test.each(cases)('%s', async (_name, interfere, code, words) => {
    const vault = vaultWith()
    fake.interfere = interfere
    const failure = await failureOf(vault.read(SECRET, body))
    expect(failure.code).toBe(code)
    expect(failure.message).toMatch(words)
  })

  test('too slowly: given up at the deadline, and said so', async () => {
    const vault = vaultWith()
    fake.interfere = ({ path }) => path === 'secret/data/db'
    const began = performance.now()
    const failure = await failureOf(vault.read(SECRET, body))
    expect(failure).toMatchObject({ code: 'target_unavailable' })
    expect(failure.message).toMatch(/in time/)
    expect(performance.now() - began).toBeLessThan(1_500)
  })

  test('slowly, byte by byte, without end: the deadline is for the whole answer', async () => {
    const vault = vaultWith()
    const dripping = new Set<NodeJS.Timeout>()
    fake.interfere = ({ path }, response) => {
      if (path !== 'secret/data/db') return false
      response.writeHead(200, { 'content-type': 'application/json' })
      dripping.add(setInterval(() => response.write(' '), 20))
      return true
    }
    const failure = await failureOf(vault.read(SECRET, body))
    for (const timer of dripping) clearInterval(timer)
    expect(failure.code).toBe('target_unavailable')
  })

  test('what we sent, in its error: it is not passed on', async () => {
    const vault = vaultWith()
    fake.interfere = ({ path, headers }, response) => {
      if (path !== 'secret/data/db') return false
      const errors = [`bad token ${String(headers['x-vault-token'])}\u001b[2J`]
      response.writeHead(400, { 'content-type': 'application/json' })
      response.end(JSON.stringify({ errors }))
      return true
    }
    const failure = await failureOf(vault.read(SECRET, body))
    const [token] = [...fake.tokens.all.values()].slice(-1)
    expect(token?.id).toMatch(/^s\./)
    expect(inspect(failure)).not.toContain(token?.id)
    expect(failure.message).toMatch(/bad token …/)
    expect(failure.message).not.toContain('\u001b')
  })

  test('not now: what passes is tried again, what makes something is sent once', async () => {
    await store({ password: 'x' })
    const vault = vaultWith()
    for (const status of [412, 429, 502, 503]) {
      const turnedAway = { times: 2 }
      fake.interfere = (seen, response) => {
        if (seen.path !== 'secret/data/db' || turnedAway.times === 0) return false
        turnedAway.times -= 1
        return answer(status, '{"errors":[]}')(seen, response)
      }
      await vault.read(SECRET, body)
      expect(turnedAway.times).toBe(0)
      turnedAway.times = 2
      const failure = await failureOf(vault.read({ ...SECRET, once: true }, body))
      expect(failure.code).toBe('target_unavailable')
      expect(turnedAway.times).toBe(1)
    }
  })

  test('by breaking the connection: tried again until it answers', async () => {
    await store({ password: 'x' })
    const vault = vaultWith()
    const broken = { times: 2 }
    fake.interfere = ({ path }, response) => {
      if (path !== 'secret/data/db' || broken.times === 0) return false
      broken.times -= 1
      response.socket?.destroy()
      return true
    }
    expect(await vault.read(SECRET, body)).toEqual({ data: { data: { password: 'x' } } })
  })

  test('about its health, in all states', async () => {
    const vault = vaultWith()
    expect(await vault.health()).toBe('active')
    fake.standby = true
    expect(await vault.health()).toBe('standby')
    fake.sealed = true
    expect(await vault.health()).toBe('sealed')
    fake.interfere = (_seen, response) => {
      response.writeHead(200, { 'content-type': 'text/html' }).end('<html>welcome')
      return true
    }
    expect((await failureOf(vault.health())).code).toBe('target_refused')
  })
})

describe('a redirect', () => {
  test.each([301, 302, 303, 307, 308])(
    'with %i is not followed, and no token leaves',
    async (status) => {
      const caught: IncomingMessage['headers'][] = []
      const thief = createServer((request, response) => {
        caught.push(request.headers)
        response.writeHead(200, { 'content-type': 'application/json' }).end('{"data":{"data":{}}}')
      })
      await new Promise<void>((resolve) => thief.listen(0, '127.0.0.1', resolve))
      const vault = vaultWith()
      fake.interfere = ({ path }, response) => {
        if (path !== 'secret/data/db') return false
        const { port } = thief.address() as AddressInfo
        response.writeHead(status, { location: `http://127.0.0.1:${port}/v1/${path}` }).end()
        return true
      }
      const failure = await failureOf(vault.read(SECRET, body))
      await new Promise((resolve) => thief.close(resolve))
      expect(failure.code).toBe('target_refused')
      expect(failure.message).toMatch(/elsewhere/)
      expect(caught).toEqual([])
    },
  )
})

describe('the environment', () => {
  test('is not read: neither address, token, namespace, prefix, proxy nor TLS switches', async () => {
    await store({ password: 'x' })
    for (const [name, value] of Object.entries({
      VAULT_ADDR: 'http://127.0.0.1:1',
      VAULT_TOKEN: 'environment-canary',
      VAULT_NAMESPACE: 'environment-canary',
      VAULT_PREFIX: '/environment-canary',
      VAULT_SKIP_VERIFY: 'true',
      HTTP_PROXY: 'http://127.0.0.1:1',
      http_proxy: 'http://127.0.0.1:1',
      NODE_USE_ENV_PROXY: '1',
    })) {
      vi.stubEnv(name, value)
    }
    const vault = vaultWith()
    await vault.read(SECRET, body)
    expect(JSON.stringify(fake.seen)).not.toContain('environment-canary')
    expect(fake.seen[0]?.headers['x-vault-token']).toBeUndefined()
  })

  test('the namespace of the configuration goes with every request', async () => {
    await store({ password: 'x' })
    await vaultWith({ namespace: 'team/orders' }).read(SECRET, body)
    expect(fake.seen.map(({ headers }) => headers['x-vault-namespace'])).toEqual([
      'team/orders',
      'team/orders',
    ])
  })
})

describe('paths', () => {
  const tricks = [
    '',
    '.',
    '..',
    '../config/x',
    'x/../y',
    'x%2f..%2fy',
    'a=b&c',
    'a?list=true',
    'a#b',
    'a b',
    'A',
    '{{x}}',
    '-x',
    'a\n',
    'ä',
    'x'.repeat(64),
    'a/',
    '/a',
    'a//b',
    '&#x2F;',
  ]

  test.each(tricks)('%j is no name, wherever it stands', (trick) => {
    const made = [
      () => PATHS.createToken(trick),
      () => PATHS.databaseConfig('database', trick),
      () => PATHS.role('database', trick),
      () => PATHS.databaseCredential('database', trick),
      () => PATHS.awsSession('aws', trick),
    ]
    for (const make of made) expect(make).toThrow(CredctlError)
    if (trick !== 'x'.repeat(64)) expect(() => PATHS.login(trick)).toThrow(CredctlError)
  })

  test.each([
    'sys/data/x',
    'auth/data/token',
    'cubbyhole/data/x',
    'identity/data/x',
    'kv/x',
    'kv/data',
    'kv/metadata/x',
    'kv/data/..',
    'kv/data/x/../y',
    'kv/data/x%2fy',
    'kv/data/x?version=1',
    'kv/data/x y',
    'kv/data//x',
    'kv/data/x\n',
    'kv/data/{{x}}',
    'teams/kv/data/x',
  ])('%s is no stored secret', (path) => expect(() => PATHS.secret(path)).toThrow(CredctlError))
})
