import { inspect } from 'node:util'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { CredctlError } from '../../src/errors.ts'
import { openAdmin } from '../../src/mint/postgres/admin.ts'
import { secretReference } from '../../src/secret/reference.ts'
import { openSecrets, type Secrets } from '../../src/secrets.ts'
import { testPostgres } from '../support/postgres.ts'
import { startSecretsManager } from '../support/secrets-manager.ts'
import { FakeVault } from '../support/vault/vault.ts'

const postgres = testPostgres()
const VALUE = 'hunter2-canary'

let fake: FakeVault
let aws: Awaited<ReturnType<typeof startSecretsManager>>
let secrets: Secrets

beforeEach(async () => {
  fake = await new FakeVault().start()
  aws = await startSecretsManager()
  const vault = { address: fake.url, auth: { token: 'env:TOKEN' as const } }
  secrets = openSecrets({ vault }, { TOKEN: fake.rootToken, HOME: VALUE }, aws.place)
})
afterEach(async () => {
  vi.restoreAllMocks()
  await secrets.close()
  await Promise.all([fake.close(), aws.close()])
})

async function inVault(path: string, data: Record<string, unknown>): Promise<void> {
  const headers = { 'x-vault-token': fake.rootToken }
  const init = { method: 'POST', headers, body: JSON.stringify({ data }) }
  await fetch(`${fake.url}/v1/${path}`, init)
}

async function resolved(reference: string, fresh = false): Promise<string> {
  return (await secrets.resolve(secretReference.parse(reference), { fresh })).reveal()
}

async function refusalOf(reference: string): Promise<CredctlError> {
  const error: unknown = await resolved(reference).catch((thrown: unknown) => thrown)
  if (!(error instanceof CredctlError)) throw new Error(`resolved ${reference}`)
  expect(error.code).toBe('secret_unresolvable')
  expect(inspect(error, { depth: 9 })).not.toContain('canary')
  return error
}

const reads = () =>
  fake.seen.filter(({ method, path }) => method === 'GET' && path.includes('data/')).length

describe('a secret in Vault', () => {
  test('is read field by field, with one request for all of them', async () => {
    await inVault('secret/data/team/orders', { user: 'broker', password: VALUE })
    expect(await resolved('vault:secret/data/team/orders#password')).toBe(VALUE)
    expect(await resolved('vault:secret/data/team/orders#user')).toBe('broker')
    expect(reads()).toBe(1)
  })

  test.each<[string, string, RegExp]>([
    ['a path that is not there', 'vault:secret/data/nothing#password', /no secret there/],
    ['a field that is not there', 'vault:secret/data/db#user', /no such field/],
    ['a field of every object', 'vault:secret/data/db#constructor', /no such field/],
    ['a field that is a number', 'vault:secret/data/db#port', /not a text/],
    ['a field that is empty', 'vault:secret/data/db#empty', /empty/],
  ])('with %s is refused by name', async (_name, reference, words) => {
    await inVault('secret/data/db', { password: VALUE, port: 5432, empty: '' })
    expect((await refusalOf(reference)).message).toMatch(words)
  })

  test('behind a sealed Vault cannot be had, and a remembered one not beyond its time', async () => {
    await inVault('secret/data/db', { password: VALUE })
    await resolved('vault:secret/data/db#password')
    fake.interfere = (_seen, response) => {
      const json = { 'content-type': 'application/json' }
      response.writeHead(500, json).end('{"errors":["boom"]}')
      return true
    }
    expect(await resolved('vault:secret/data/db#password')).toBe(VALUE)
    const now = performance.now()
    vi.spyOn(performance, 'now').mockImplementation(() => now + 301_000)
    expect((await refusalOf('vault:secret/data/db#password')).message).toMatch(/500/)
  })

  test('cannot be named where Vault itself is opened', () => {
    const text = 'vault:secret/data/x#y'
    expect(secretReference.safeParse(text).success).toBe(true)
    const opened = openSecrets({ vault: undefined }, {})
    return expect(opened.resolve(secretReference.parse(text))).rejects.toThrow(/no vault to ask/)
  })
})

describe('a secret in Secrets Manager', () => {
  test('is a whole text, or a field of its JSON', async () => {
    aws.secrets.set('prod/key', { SecretString: VALUE })
    aws.secrets.set('prod/db', { SecretString: JSON.stringify({ password: VALUE, port: 1 }) })
    expect(await resolved('aws-sm:prod/key')).toBe(VALUE)
    expect(await resolved('aws-sm:prod/db#password')).toBe(VALUE)
    expect(await resolved('aws-sm:prod/db#password')).toBe(VALUE)
    expect(aws.asked).toEqual(['prod/key', 'prod/db'])
  })

  test('is asked for in the region of its ARN', async () => {
    const arn = 'arn:aws:secretsmanager:eu-west-1:111122223333:secret:db-AbCdEf'
    aws.secrets.set(arn, { SecretString: VALUE })
    expect(await resolved(`aws-sm:${arn}`)).toBe(VALUE)
  })

  test.each<[string, Parameters<typeof aws.secrets.set>[1] | undefined, string, RegExp]>([
    ['that is not there', undefined, 'aws-sm:x', /no such secret/],
    ['without a current version', { error: 'InvalidRequestException' }, 'aws-sm:x', /version/],
    ['that is binary', { SecretBinary: 'aGk=' }, 'aws-sm:x', /binary/],
    ['that is not JSON', { SecretString: VALUE }, 'aws-sm:x#password', /no such field/],
    ['that is a JSON list', { SecretString: '["canary"]' }, 'aws-sm:x#password', /no such field/],
    ['whose JSON lacks the field', { SecretString: '{"a":"b"}' }, 'aws-sm:x#c', /no such field/],
    ['whose field is an object', { SecretString: '{"a":{}}' }, 'aws-sm:x#a', /not a text/],
    ['that is empty', { SecretString: '' }, 'aws-sm:x', /empty/],
    ['that we may not read', { error: 'AccessDeniedException' }, 'aws-sm:x', /may not read/],
    ['that we may not decrypt', { error: 'DecryptionFailure' }, 'aws-sm:x', /kms:Decrypt/],
    ['behind an unknown error', { error: 'Surprise' }, 'aws-sm:x', /Surprise/],
  ])('%s is refused by name, without the SDK’s words', async (_name, content, reference, words) => {
    if (content !== undefined) aws.secrets.set('x', content)
    expect((await refusalOf(reference)).message).toMatch(words)
  })

  test('is asked for again when throttled, and refused by name when that does not end', async () => {
    aws.secrets.set('x', { error: 'ThrottlingException' })
    expect((await refusalOf('aws-sm:x')).message).toMatch(/throttling/)
    expect(aws.asked).toHaveLength(4)
  })

  test('a failure is not remembered', async () => {
    await refusalOf('aws-sm:x')
    aws.secrets.set('x', { SecretString: VALUE })
    expect(await resolved('aws-sm:x')).toBe(VALUE)
  })
})

describe('a remembered secret', () => {
  test('is fetched again when it turned out wrong, but not more than once a second', async () => {
    aws.secrets.set('x', { SecretString: 'old' })
    await resolved('aws-sm:x')
    aws.secrets.set('x', { SecretString: 'new' })
    const now = performance.now()
    const clock = vi.spyOn(performance, 'now').mockImplementation(() => now + 2_000)
    expect(await resolved('aws-sm:x')).toBe('old')
    expect(await resolved('aws-sm:x', true)).toBe('new')
    aws.secrets.set('x', { SecretString: 'newer' })
    clock.mockImplementation(() => now + 2_500)
    expect(await resolved('aws-sm:x', true)).toBe('new')
  })

  test('lets go of the oldest when there are too many', async () => {
    for (let index = 0; index < 300; index += 1) {
      aws.secrets.set(`s${index}`, { SecretString: String(index) })
      await resolved(`aws-sm:s${index}`)
    }
    await resolved('aws-sm:s299')
    expect(aws.asked).toHaveLength(300)
    await resolved('aws-sm:s0')
    expect(aws.asked).toHaveLength(301)
  })

  test('follows a rotation of the password of a database, without a restart', async () => {
    const user = 'rotated_admin'
    const owner = postgres.pool()
    await owner.query(`CREATE ROLE ${user} LOGIN PASSWORD 'first'`)
    await inVault('secret/data/db', { password: 'first' })
    const connection = { host: postgres.host, port: postgres.port, database: 'postgres' }
    const password = secretReference.parse('vault:secret/data/db#password')
    const target = { ...connection, tls: 'disable' as const, accept: [], admin: { user, password } }
    const admin = openAdmin(target, secrets.resolve)
    await admin.query('SELECT 1')
    await owner.query(`ALTER ROLE ${user} PASSWORD 'second'`)
    await inVault('secret/data/db', { password: 'second' })
    await owner.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = $1', [
      user,
    ])
    const now = performance.now()
    vi.spyOn(performance, 'now').mockImplementation(() => now + 2_000)
    await expect.poll(async () => await admin.query('SELECT 1 AS one')).toEqual([{ one: 1 }])
    await admin.close()
  })
})

describe('a reference', () => {
  test.each([
    'vault:secret/data/db',
    'vault:secret/db#password',
    'vault:secret/data/../x#password',
    'vault:secret/data/x?version=1#password',
    'vault:Secret/data/x#password',
    'vault:secret/data/x#',
    'vault:secret/data/x#a b',
    'aws-sm:',
    'aws-sm:#field',
    'aws-sm:x y',
    'aws-sm:x#',
    'aws-sm:x?y',
    'AWS-SM:x',
    'vault:',
  ])('%s is none', (text) => {
    expect(secretReference.safeParse(text).success).toBe(false)
  })
})
