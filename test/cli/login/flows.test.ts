import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { decodeJwt } from 'jose'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { signInWithBrowser } from '../../../src/cli/login/browser.ts'
import { signInWithDevice } from '../../../src/cli/login/device.ts'
import type { Question } from '../../../src/cli/login/provider.ts'
import { refusal } from '../../identity/support.ts'
import {
  CLIENT_ID,
  type IdentityProvider,
  startIdentityProvider,
} from '../../support/identity-provider.ts'
import { json, startIssuer } from '../../support/issuer.ts'
import { Person } from '../../support/person.ts'

let provider: IdentityProvider
beforeAll(async () => {
  provider = await startIdentityProvider()
})
afterAll(async () => {
  await provider?.close()
})

const question = () => ({ issuer: provider.url, clientId: CLIENT_ID })

/** Signs in as the browser would: `visit` is what happens at the address that is shown. */
async function browse(
  visit: (address: string) => Promise<unknown>,
  more: Partial<Question> & { port?: number; timeoutMs?: number } = {},
): Promise<string> {
  const { port = 0, timeoutMs = 10_000, ...asked } = more
  return await new Promise((resolve, reject) => {
    const show = (address: string) => void visit(address).catch(reject)
    signInWithBrowser({ ...question(), ...asked }, { port, timeoutMs, show }).then(resolve, reject)
  })
}

const come = (name: string) => async (address: string) => {
  const { status } = await fetch(await new Person(name).signIn(address))
  expect(status).toBe(200)
}

describe('signing in with a browser', () => {
  test('gives the ID token of whoever signed in, by PKCE and for a login of this moment', async () => {
    const token = await browse(come('alice'), { maxAge: 300, acr: 'urn:test:mfa' })
    const claims = decodeJwt(token)
    expect(claims).toMatchObject({ iss: provider.url, sub: 'alice', aud: CLIENT_ID })
    expect(claims['auth_time']).toBeTypeOf('number')
    expect(provider.asked.at(-1)).toMatchObject({
      scope: 'openid',
      code_challenge_method: 'S256',
      max_age: '300',
      acr_values: 'urn:test:mfa',
      redirect_uri: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+\/callback$/),
    })
  })

  test('asks for what the rules of the broker need', async () => {
    await browse(come('alice'), { scopes: 'groups' })
    expect(provider.asked.at(-1)).toMatchObject({ scope: 'openid groups' })
  })

  test('hears a refusal', async () => {
    const visit = async (address: string) =>
      void (await fetch(await new Person('a').refuse(address)))
    await expect(browse(visit)).rejects.toMatchObject({
      code: 'access_denied',
      message: 'the sign-in was refused: access_denied',
      hint: 'End-User aborted interaction',
    })
  })

  test('ends when nobody comes', async () => {
    await expect(browse(async () => undefined, { timeoutMs: 50 })).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('nobody signed in within'),
    })
  })

  test('says that a port is taken', async () => {
    const taken = createServer().listen(0, '127.0.0.1')
    await new Promise((resolve) => taken.once('listening', resolve))
    const { port } = taken.address() as AddressInfo
    await expect(browse(come('alice'), { port })).rejects.toMatchObject({
      code: 'usage',
      message: `port ${port} of 127.0.0.1 cannot be listened on`,
    })
    taken.close()
    await new Promise((resolve) => taken.once('close', resolve))
    expect(decodeJwt(await browse(come('alice'), { port })).sub).toBe('alice')
  })

  test.each([
    ['the state of another sign-in', (url: URL) => url.searchParams.set('state', 'another')],
    ['no state', (url: URL) => url.searchParams.delete('state')],
    ['two states', (url: URL) => url.searchParams.append('state', 'another')],
  ])('waits on after an answer with %s', async (_what, change) => {
    const visit = async (address: string) => {
      const answer = await new Person('alice').signIn(address)
      const forged = new URL(answer)
      change(forged)
      expect((await fetch(forged)).status).toBe(400)
      expect((await fetch(answer)).status).toBe(200)
    }
    expect(decodeJwt(await browse(visit)).sub).toBe('alice')
  })

  test.each([
    ['a code that the provider did not give', 'code', 'forged', 'access_denied'],
    ['the issuer of another provider (RFC 9207)', 'iss', 'https://evil.test', 'unavailable'],
  ])('refuses %s', async (_what, name, value, code) => {
    const visit = async (address: string) => {
      const answer = await new Person('alice').signIn(address)
      answer.searchParams.set(name, value)
      await fetch(answer)
    }
    expect(await refusal(browse(visit))).toBe(code)
  })

  test('turns away every other request, whatever host it names', async () => {
    const visit = async (address: string) => {
      const answer = await new Person('alice').signIn(address)
      const target = `${answer.pathname}${answer.search}`
      const { port } = answer
      const raw = (method: string, path: string, host: string) =>
        statusOf(Number(port), { method, path, host })
      const ours = `127.0.0.1:${port}`
      expect(await raw('GET', target, `evil.test:${port}`)).toBe(421)
      expect(await raw('GET', target, `localhost:${port}`)).toBe(421)
      expect(await raw('GET', target, '127.0.0.1')).toBe(421)
      expect(await raw('GET', `http://evil.test${target}`, ours)).toBe(404)
      expect(await raw('GET', `//evil.test${target}`, ours)).toBe(404)
      expect(await raw('GET', '/', ours)).toBe(404)
      expect(await raw('GET', target.replace('callback', 'callback/..'), ours)).toBe(404)
      expect(await raw('POST', target, ours)).toBe(405)
      expect((await fetch(answer)).status).toBe(200)
    }
    expect(decodeJwt(await browse(visit)).sub).toBe('alice')
  })

  test('shows nothing of the answer, and keeps the browser from passing it on', async () => {
    const visit = async (address: string) => {
      const answer = await new Person('alice').signIn(address)
      const page = await fetch(answer)
      expect(await page.text()).not.toContain(answer.searchParams.get('code') ?? 'no code')
      expect(Object.fromEntries(page.headers)).toMatchObject({
        'content-type': 'text/plain; charset=utf-8',
        'referrer-policy': 'no-referrer',
        'cache-control': 'no-store',
      })
      return answer
    }
    const visited = { address: new URL('http://127.0.0.1/') }
    const token = await browse(async (address) => {
      visited.address = await visit(address)
    })
    expect(decodeJwt(token).sub).toBe('alice')
    // Nobody listens any more once the token is here.
    await expect(fetch(visited.address)).rejects.toThrow()
  })
})

async function statusOf(
  port: number,
  { method, path, host }: { method: string; path: string; host: string },
): Promise<number> {
  const { request } = await import('node:http')
  return await new Promise((resolve, reject) => {
    request({ host: '127.0.0.1', port, method, path, headers: { host } }, (response) => {
      response.resume()
      resolve(response.statusCode ?? 0)
    })
      .once('error', reject)
      .end()
  })
}

describe('signing in on another machine', () => {
  async function withDevice(answer: 'confirm' | 'abort'): Promise<string> {
    const entered: Promise<string>[] = []
    const token = await signInWithDevice(question(), (address, code) => {
      expect(code).toMatch(/^[A-Z]{4}-[A-Z]{4}$/)
      entered.push(new Person('bob').enterCode(address, code, answer))
    })
    await Promise.all(entered)
    return token
  }

  test('gives the ID token of whoever entered the code', async () => {
    expect(decodeJwt(await withDevice('confirm'))).toMatchObject({ sub: 'bob', aud: CLIENT_ID })
  })

  test('hears a refusal', async () => {
    await expect(withDevice('abort')).rejects.toMatchObject({
      code: 'access_denied',
      message: 'the sign-in was refused: access_denied',
    })
  })
})

describe('a provider that is not what it should be', () => {
  test.each([
    ['ftp://idp.test', 'usage'],
    ['http://idp.test', 'usage'],
    ['https://user:secret@idp.test', 'usage'],
    ['https://idp.test/?tenant=1', 'usage'],
    ['idp.test', 'usage'],
    ['http://127.0.0.1:9', 'unavailable'],
  ])('%s is refused', async (issuer, code) => {
    expect(await refusal(browse(come('alice'), { issuer }))).toBe(code)
  })

  const misbehaving: [string, (url: string) => object][] = [
    ['names another issuer', () => ({ issuer: 'https://elsewhere.test' })],
    ['names a script as page', () => ({ authorization_endpoint: 'javascript:alert(1)' })],
    ['names a file as page', () => ({ authorization_endpoint: 'file:///etc/passwd' })],
    ['names a page in the clear', () => ({ authorization_endpoint: 'http://idp.test/auth' })],
    ['names no page', () => ({})],
  ]
  test.each(misbehaving)(
    'one that %s is refused before anybody goes there',
    async (_what, over) => {
      await using issuer = await startIssuer()
      const { url } = issuer
      const document = { issuer: url, token_endpoint: `${url}/token`, jwks_uri: `${url}/jwks` }
      issuer.answers.set('/.well-known/openid-configuration', json({ ...document, ...over(url) }))
      const shown: string[] = []
      const attempt = browse(async (address) => void shown.push(address), { issuer: url })
      expect(await refusal(attempt)).toBe('unavailable')
      expect(shown).toEqual([])
    },
  )

  test('one that redirects its discovery elsewhere is not followed', async () => {
    await using issuer = await startIssuer()
    issuer.answers.set('/.well-known/openid-configuration', (_request, response) => {
      response
        .writeHead(302, { location: `${provider.url}/.well-known/openid-configuration` })
        .end()
    })
    expect(await refusal(browse(come('alice'), { issuer: issuer.url }))).toBe('unavailable')
  })

  test('one that gives no ID token signs nobody in', async () => {
    await using issuer = await startIssuer()
    const { url } = issuer
    issuer.answers.set(
      '/.well-known/openid-configuration',
      json({
        issuer: url,
        token_endpoint: `${url}/token`,
        device_authorization_endpoint: `${url}/device`,
      }),
    )
    issuer.answers.set(
      '/device',
      json({
        device_code: 'd',
        user_code: 'u',
        verification_uri: url,
        expires_in: 60,
        interval: 1,
      }),
    )
    issuer.answers.set('/token', json({ access_token: 'a', token_type: 'Bearer' }))
    const attempt = signInWithDevice({ issuer: url, clientId: CLIENT_ID }, () => undefined)
    await expect(attempt).rejects.toMatchObject({
      code: 'unavailable',
      message: 'the identity provider gave no ID token',
    })
  })
})
