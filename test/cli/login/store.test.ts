import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { Keychain, TOOLS } from '../../../src/cli/login/keychain.ts'
import { keptSignIn, keptToken } from '../../../src/cli/login/sign-in.ts'
import { findToken, forgetToken, keepToken } from '../../../src/cli/login/store.ts'
import { TokenFile } from '../../../src/cli/login/token-file.ts'
import { refusal } from '../../identity/support.ts'

const BROKER = 'https://credctl.example.com'

let home: string
let env: NodeJS.ProcessEnv
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'credctl-store-'))
  env = { PATH: join(home, 'bin'), XDG_STATE_HOME: join(home, 'state') }
})
afterEach(() => rmSync(home, { recursive: true, force: true }))

function token(claims: Readonly<Record<string, unknown>> = {}): string {
  const exp = Math.floor(Date.now() / 1000) + 300
  const payload = { iss: 'https://idp.example.com', sub: 'alice', exp, ...claims }
  return ['{"alg":"ES256"}', JSON.stringify(payload), 'signature']
    .map((part) => Buffer.from(part).toString('base64url'))
    .join('.')
}

/** A tool with the name and the interface of the system's own; `body` is what it does. */
function install(name: string, body: string): string {
  mkdirSync(join(home, 'bin'), { recursive: true })
  const file = join(home, 'bin', name)
  const script = `#!/bin/sh\nPATH=/usr/bin:/bin\ncd ${home}\necho "$@" >> arguments\n${body}\n`
  writeFileSync(file, script, { mode: 0o755 })
  return file
}

const SECRET_TOOL = `case $1 in
  store) cat > "item-$(echo "$*" | tail -c 12)" ;;
  lookup) cat "item-$(echo "$*" | tail -c 12)" ;;
  clear) rm -f "item-$(echo "$*" | tail -c 12)" ;;
esac`

/** Reads one command of at most 4,096 bytes from stdin, as the interactive mode does. */
const SECURITY = `case $1 in
  -i) head -c 4096 | sed -n 's/^add-generic-password -U -s credctl -a "[^"]*" -w "\\([^"]*\\)"$/\\1/p' > item ;;
  find-generic-password) cat item ;;
  delete-generic-password) rm item ;;
esac`

describe('the keychain', () => {
  const keychains = [
    ['secret-tool', SECRET_TOOL, (command: string) => ({ ...TOOLS.linux, command })],
    ['security', SECURITY, (command: string) => ({ ...TOOLS.darwin, command })],
  ] as const

  test.each(keychains)(
    '%s keeps, finds and forgets, and no argument is secret',
    async (...tool) => {
      const [name, body, toolAt] = tool
      const keychain = new Keychain(toolAt(install(name, body)), env)
      const kept = token()
      expect(await keychain.find(BROKER)).toBeUndefined()
      expect(await keychain.keep(BROKER, kept)).toBe(true)
      expect(await keychain.find(BROKER)).toBe(kept)
      await keychain.forget(BROKER)
      expect(await keychain.find(BROKER)).toBeUndefined()
      const seen = readFileSync(join(home, 'arguments'), 'utf8')
      expect(seen).toContain(BROKER)
      expect(seen).not.toContain(kept.split('.')[1])
    },
  )

  test('is not trusted to have kept what it cannot give back', async () => {
    const keychain = new Keychain({ ...TOOLS.darwin, command: install('security', SECURITY) }, env)
    expect(await keychain.keep(BROKER, token({ groups: 'g'.repeat(4096) }))).toBe(false)
    expect(await keychain.find(BROKER)).toBeUndefined()
  })

  test.runIf(process.platform === 'linux')('comes before the file, and leaves none', async () => {
    await keepToken(env, BROKER, token({ sub: 'before' }))
    install('secret-tool', SECRET_TOOL)
    const kept = token()
    expect(await keepToken(env, BROKER, kept)).toBe('keychain')
    expect(await findToken(env, BROKER)).toEqual({ token: kept, place: 'keychain' })
    expect(readdirSync(join(home, 'state/credctl/login'))).toEqual([])
  })

  test.runIf(process.platform === 'linux').each([
    ['is locked and says so', 'exit 1'],
    ['says that all is well, and keeps nothing', 'exit 0'],
  ])('gives way to the file when it %s', async (_what, body) => {
    install('secret-tool', body)
    expect(await keepToken(env, BROKER, token())).toBe('file')
    expect((await findToken(env, BROKER))?.place).toBe('file')
  })
})

describe('the file', () => {
  const file = () => {
    const directory = join(home, 'state/credctl/login')
    return join(directory, readdirSync(directory)[0] ?? '')
  }

  test('is private in a private directory, and gone when forgotten', async () => {
    expect(await keepToken(env, BROKER, token())).toBe('file')
    expect(statSync(file()).mode & 0o777).toBe(0o600)
    expect(statSync(join(file(), '..')).mode & 0o777).toBe(0o700)
    await forgetToken(env, BROKER)
    expect(readdirSync(join(home, 'state/credctl/login'))).toEqual([])
  })

  test('holds one token for each broker, and gives none to another', async () => {
    await keepToken(env, BROKER, token())
    expect(await findToken(env, 'https://credctl.example.com.evil.test')).toBeUndefined()
    expect(await findToken(env, `${BROKER}:8443`)).toBeUndefined()
  })

  test.each([
    ['others may read it', () => chmodSync(file(), 0o640)],
    [
      'it is a link',
      () => {
        const target = join(home, 'elsewhere')
        writeFileSync(target, token(), { mode: 0o600 })
        const path = file()
        rmSync(path)
        symlinkSync(target, path)
      },
    ],
  ])('is not used when %s', async (_what, change) => {
    await keepToken(env, BROKER, token())
    change()
    await expect(keptToken(env, BROKER)).rejects.toMatchObject({
      code: 'usage',
      message: expect.stringContaining('is not private to you'),
    })
  })

  test('is not written where others could replace it', async () => {
    mkdirSync(join(home, 'state/credctl/login'), { recursive: true, mode: 0o700 })
    chmodSync(join(home, 'state/credctl/login'), 0o777)
    expect(await refusal(new TokenFile(env).keep(BROKER, token()))).toBe('usage')
    expect(readdirSync(join(home, 'state/credctl/login'))).toEqual([])
  })

  test('replaces a link instead of writing through it', async () => {
    await keepToken(env, BROKER, token())
    const path = file()
    rmSync(path)
    symlinkSync(join(home, 'target'), path)
    const kept = token({ sub: 'bob' })
    expect(await new TokenFile(env).keep(BROKER, kept)).toBe(true)
    expect(existsSync(join(home, 'target'))).toBe(false)
    expect((await findToken(env, BROKER))?.token).toBe(kept)
  })
})

describe('a kept token', () => {
  test('is used until it expires', async () => {
    const kept = token()
    await keepToken(env, BROKER, kept)
    expect(await keptToken(env, BROKER)).toBe(kept)
    expect(await keptSignIn(env, BROKER)).toMatchObject({
      issuer: 'https://idp.example.com',
      subject: 'alice',
    })
  })

  test('is refused once it has expired, with what to do', async () => {
    await keepToken(env, BROKER, token({ exp: 1_700_000_000 }))
    await expect(keptToken(env, BROKER)).rejects.toMatchObject({
      code: 'token_expired',
      message: `the sign-in for ${BROKER} expired at 2023-11-14T22:13:20.000Z`,
      hint: 'Sign in again: credctl login.',
    })
  })

  test.each([
    ['no token', 'hello'],
    ['a token and more', `${token()}\nAuthorization: Bearer x`],
    ['a token without an end', token({ exp: undefined })],
    ['a token that ends at no time', token({ exp: 1e300 })],
    ['a token of nobody', token({ sub: 7 })],
    ['a payload that is not JSON', 'e30.x.e30'],
  ])('is refused when it is %s', async (_what, text) => {
    await new TokenFile(env).keep(BROKER, text)
    expect(await refusal(keptToken(env, BROKER))).toBe('token_malformed')
  })

  test('is missing for somebody who never signed in', async () => {
    expect(await keptToken(env, BROKER)).toBeUndefined()
  })
})
