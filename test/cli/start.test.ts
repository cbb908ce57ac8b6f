import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'

const BIN = join(import.meta.dirname, '../../bin/credctl.js')
const home = mkdtempSync(join(tmpdir(), 'credctl-start-'))
afterAll(() => rmSync(home, { recursive: true, force: true }))

const script = (text: string) => `data:text/javascript,${encodeURIComponent(text)}`

function node(
  options: readonly string[],
  argv: readonly string[],
  env: Record<string, string> = {},
) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [...options, BIN, ...argv], {
    encoding: 'utf8',
    cwd: home,
    env: { PATH: process.env['PATH'], HOME: home, ...env },
  })
  return { status, stdout, stderr }
}

describe('bin/credctl.js', () => {
  test('tells an old Node.js in one line what it needs', () => {
    const old = script("Object.defineProperty(process.versions, 'node', { value: '20.9.0' })")
    const { status, stdout, stderr } = node(['--import', old], ['--help'])
    expect(status).toBe(1)
    expect(stdout).toBe('')
    expect(stderr).toMatch(/^credctl: needs Node\.js 24 or newer, this is 20\.9\.0.*\n$/)
  })

  test('keeps compiled code where this user alone can write', () => {
    const cache = join(home, 'cache-private')
    expect(node([], ['--help'], { XDG_CACHE_HOME: cache }).status).toBe(0)
    expect(statSync(join(cache, 'credctl')).mode & 0o777).toBe(0o700)
    expect(readdirSync(join(cache, 'credctl')).length).toBeGreaterThan(0)
  })

  test('runs without a cache when others could plant code in it', () => {
    const cache = join(home, 'cache-shared')
    mkdirSync(join(cache, 'credctl'), { recursive: true })
    chmodSync(join(cache, 'credctl'), 0o777)
    expect(node([], ['--help'], { XDG_CACHE_HOME: cache }).status).toBe(0)
    expect(readdirSync(join(cache, 'credctl'))).toEqual([])
  })

  test.each([
    ['an unwritable home', { HOME: '/proc/nowhere' }],
    ['no home', { HOME: '' }],
    ['a relative cache directory', { XDG_CACHE_HOME: 'here' }],
  ])('runs with %s', (_what, env) => {
    expect(node([], ['--help'], env).status).toBe(0)
    expect(existsSync(join(home, 'here'))).toBe(false)
  })
})

describe('what waits for a person loads nothing heavy', () => {
  const trace = script(`
    import { registerHooks } from 'node:module'
    registerHooks({
      resolve(specifier, context, next) {
        const found = next(specifier, context)
        process.stderr.write('loaded ' + found.url + '\\n')
        return found
      },
    })`)
  const HEAVY = [
    'zod',
    'pg',
    'jose',
    'hono',
    'yaml',
    'pino',
    'prom-client',
    '@aws-sdk',
    're2js',
    'openid-client',
    'oauth4webapi',
  ]

  test.each([
    ['--help', ['--help'], 'app.ts'],
    ['scope plan --help', ['scope', 'plan', '--help'], 'app.ts'],
    [
      'exec',
      ['exec', '--scope', 's', '--env', 'e', '--broker', 'http://127.0.0.1:9', '--', 'true'],
      'exec/exec.ts',
    ],
    ['aws-credentials', ['aws-credentials', '--target', 't'], 'aws-credentials.ts'],
    ['login --status', ['login', '--status', '--broker', 'http://127.0.0.1:9'], 'login/login.ts'],
  ])('%s', (_what, argv, loaded) => {
    const token = { CREDCTL_IDENTITY_TOKEN_FILE: join(import.meta.dirname, 'session-token') }
    const { stderr } = node(['--import', trace], argv, token)
    const urls = stderr.split('\n').filter((line) => line.startsWith('loaded '))
    expect(urls.some((url) => url.endsWith(loaded))).toBe(true)
    const heavy = urls.filter((url) => HEAVY.some((name) => url.includes(`/node_modules/${name}/`)))
    expect(heavy).toEqual([])
  })
})
