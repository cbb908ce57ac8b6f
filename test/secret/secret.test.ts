import { Console } from 'node:console'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { format, inspect } from 'node:util'
import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { CredctlError } from '../../src/errors.ts'
import { secretReference } from '../../src/secret/reference.ts'
import { secretResolver } from '../../src/secret/resolve.ts'
import { Secret } from '../../src/secret/secret.ts'

const VALUE = 'hunter2-canary'

function collect(write: (stream: Writable) => void): string {
  const chunks: string[] = []
  write(
    new Writable({
      write(chunk, _encoding, done) {
        chunks.push(String(chunk))
        done()
      },
    }),
  )
  return chunks.join('')
}

const secret = new Secret(VALUE)
const deep = new Secret({ password: VALUE, list: [VALUE] })

/** Every way by which a value ends up as text without anybody asking for it. */
const WAYS: Record<string, (value: Secret<unknown>) => string> = {
  'JSON.stringify': (value) => JSON.stringify({ value, list: [value], map: { value } }),
  'JSON.stringify with indentation': (value) => JSON.stringify({ value }, null, 2),
  'a template': (value) => `${value}`,
  'joining with text': (value) => 'x'.concat(String(value)),
  'a list as text': (value) => [value, value].join(),
  'an object key': (value) => Object.keys({ [String(value)]: 1 }).join(),
  inspect: (value) => inspect(value, { depth: Infinity, showHidden: true }),
  'inspect without our own words': (value) =>
    inspect(value, { customInspect: false, showHidden: true, depth: 9 }),
  'inspect in an object': (value) => inspect({ value, map: new Map([['a', value]]) }),
  'inspect with proxies and getters': (value) =>
    inspect({ value }, { showProxy: true, getters: true }),
  'format with %s': (value) => format('%s', value),
  'format with %o': (value) => format('%o', value),
  'format with %O': (value) => format('%O', value),
  'format with %j': (value) => format('%j', { value }),
  console: (value) => collect((stream) => new Console(stream).dir({ value }, { showHidden: true })),
  pino: (value) =>
    collect((stream) =>
      pino({ level: 'trace' }, stream).info({ value, err: value }, 'message %s %o', value, value),
    ),
  'an error message': (value) => inspect(new Error(`failed: ${value}`)),
  'an error cause': (value) => inspect(new CredctlError('internal', 'x', { cause: value })),
  'an error cause in pino': (value) =>
    collect((stream) => {
      const cause = Object.assign(new Error('inner'), { config: { password: value } })
      pino({}, stream).error(new CredctlError('internal', 'x', { cause }))
    }),
  'own properties': (value) => JSON.stringify(Object.getOwnPropertyDescriptors(value)),
  spreading: (value) => inspect({ ...value }),
  assigning: (value) => inspect(Object.assign({}, value)),
  entries: (value) => inspect(Object.entries(value)),
  reflection: (value) => inspect(Reflect.ownKeys(value)),
}

describe.each([
  ['text', secret],
  ['an object', deep],
] as const)('a secret that is %s', (_what, value) => {
  test.each(Object.entries(WAYS))('does not show in %s', (_way, show) => {
    expect(show(value)).not.toContain(VALUE)
  })

  test('does not survive structured cloning, as to a worker', () => {
    expect(inspect(structuredClone({ ...value }))).not.toContain(VALUE)
  })

  test('says what it is', () => {
    expect(`${value}`).toBe('[secret]')
    expect(JSON.stringify({ value })).toBe('{"value":"[secret]"}')
  })
})

test('the value is there when it is asked for', () => {
  expect(secret.reveal()).toBe(VALUE)
})

describe('a reference', () => {
  let directory: string
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'credctl-secret-'))
    await writeFile(join(directory, 'newline'), `${VALUE}\n`)
    await writeFile(join(directory, 'crlf'), `${VALUE}\r\n`)
    await writeFile(join(directory, 'two'), `${VALUE}\n\n`)
    await writeFile(join(directory, 'spaces'), ` ${VALUE} `)
    await writeFile(join(directory, 'empty'), '')
    await writeFile(join(directory, 'blank'), '\n')
    await writeFile(join(directory, 'big'), VALUE.repeat(10_000))
    await writeFile(join(directory, 'latin1'), Buffer.from('pässword', 'latin1'))
    await writeFile(join(directory, 'a:b'), VALUE)
  })
  afterAll(async () => {
    await rm(directory, { recursive: true, force: true })
  })

  const resolve = async (text: string, env: Record<string, string> = {}) =>
    (await secretResolver(env)(secretReference.parse(text))).reveal()

  test.each([
    ['newline', VALUE],
    ['crlf', VALUE],
    ['two', `${VALUE}\n`],
    ['spaces', ` ${VALUE} `],
    ['a:b', VALUE],
  ])('to a file (%s) gives its text without one newline at the end', async (name, value) => {
    expect(await resolve(`file:${join(directory, name)}`)).toBe(value)
  })

  test('to a variable gives its value as it is', async () => {
    expect(await resolve('env:DB_PASSWORD', { DB_PASSWORD: VALUE })).toBe(VALUE)
  })

  test.each(['empty', 'blank', 'big', 'latin1', 'missing', '.'])(
    'to a file that gives no secret (%s) fails by name, without the value',
    async (name) => {
      const reference = `file:${join(directory, name)}`
      const failure = await resolve(reference).catch((error: unknown) => error)
      expect(failure).toMatchObject({ code: 'secret_unresolvable' })
      expect(String(failure)).toContain(reference)
      expect(inspect(failure, { depth: Infinity })).not.toContain('hunter2')
    },
  )

  test.each([
    ['that is not set', {}],
    ['that is empty', { DB_PASSWORD: '' }],
  ])('to a variable %s fails by name', async (_what, env) => {
    await expect(resolve('env:DB_PASSWORD', env)).rejects.toMatchObject({
      code: 'secret_unresolvable',
      message: expect.stringContaining('env:DB_PASSWORD'),
    })
  })

  test('to a variable never reaches the prototype of the environment', async () => {
    const env = Object.create({ CONSTRUCTOR: 'x', DB_PASSWORD: VALUE })
    await expect(resolve('env:DB_PASSWORD', env)).rejects.toMatchObject({
      code: 'secret_unresolvable',
    })
  })
})
