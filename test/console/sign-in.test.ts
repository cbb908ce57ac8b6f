import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startBroker } from '../../src/main.ts'
import { Person } from '../support/person.ts'
import { testPostgres } from '../support/postgres.ts'
import { Browser, formToken } from './browser.ts'
import { CONSOLE_CLIENT, type ConsoleWorld, consoleWorld } from './world.ts'

const postgres = testPostgres()
let here: ConsoleWorld
beforeAll(async () => {
  here = await consoleWorld(postgres)
}, 60_000)
afterAll(() => here?.close())

const browser = (url = here.url) => new Browser(url)
const address = (path: string) => new URL(path, here.url).href

describe('somebody who is not signed in', () => {
  test.each([
    '/console',
    '/console/grants',
    '/console/grants/01ARYZ6S410000000000000000',
    '/console/approvals',
    '/console/log',
    '/console/log/0',
    '/console/scopes',
    '/console/windows',
    '/console/health',
    '/console/head',
    '/console/nothing',
  ])('is sent from %s to the page where people sign in, and back', async (path) => {
    const page = await browser().open(path)
    expect(page.url.pathname).toBe('/console/sign-in')
    expect(page.url.searchParams.get('to')).toBe(path)
    expect(page.text).toContain('Sign in with staff')
    expect(page.text).not.toContain('catalogue')
  })

  test.each(['revoke', 'decide', 'cancel'])('does nothing by sending a form: %s', async (act) => {
    const path = `/console/grants/01ARYZ6S410000000000000000/${act}`
    const page = await browser().send(path, { form: 'x' }, { follow: 0 })
    expect([page.status, page.headers.get('location')]).toEqual([
      303,
      '/console/sign-in?to=%2Fconsole',
    ])
  })

  test('gets the style, the script and the icon, and nothing else of the files', async () => {
    const { html } = await browser().open('/console/sign-in')
    const found = [...html.matchAll(/(?:href|src)="(\/console\/assets\/[^"]+)"/g)].map(
      ([, path = '']) => path,
    )
    expect(new Set(found).size).toBe(3)
    for (const path of found) {
      const { status, headers } = await browser().open(path)
      expect([path, status]).toEqual([path, 200])
      expect(headers.get('cache-control')).toBe('public, max-age=31536000, immutable')
      expect(headers.get('content-type')).toMatch(
        /^(text\/(css|javascript); charset=utf-8|image\/svg\+xml)$/,
      )
      expect(headers.get('x-content-type-options')).toBe('nosniff')
    }
    for (const path of ['../open.ts', '..%2fopen.ts', 'open.ts', 'constructor', '']) {
      expect((await browser().open(`/console/assets/${path}`, { follow: 0 })).status).not.toBe(200)
    }
  })
})

describe('signing in', () => {
  test('asks the provider by code and PKCE, with the scopes of the configuration', async () => {
    const page = await browser().signIn('operator', '/console/scopes')
    expect([page.status, page.url.pathname]).toEqual([200, '/console/scopes'])
    expect(here.provider.asked.at(-1)).toMatchObject({
      client_id: CONSOLE_CLIENT,
      response_type: 'code',
      scope: 'openid groups',
      code_challenge_method: 'S256',
      max_age: '86400',
      redirect_uri: `${here.url}/console/callback`,
    })
  })

  test('leaves a cookie that no script and no other site can use, and no token in the browser', async () => {
    const one = browser()
    const started = await one.open('/console/sign-in/start')
    const [pending] = started.headers.getSetCookie()
    expect(pending).toMatch(
      /^credctl-sign-in=[\w-]+; Max-Age=600; Path=\/; HttpOnly; SameSite=Lax$/,
    )
    const answer = await new Person('operator').signIn(started.headers.get('location') ?? '')
    const back = await one.open(`${answer.pathname}${answer.search}`, { follow: 0 })
    const cookies = back.headers.getSetCookie().join('\n')
    expect(cookies).toMatch(
      /^credctl-session=[\w-]{43}; Max-Age=3600; Path=\/; HttpOnly; SameSite=Lax$/m,
    )
    expect(cookies).toMatch(/^credctl-sign-in=; Max-Age=0/m)
    expect(cookies).not.toMatch(/eyJ/)
  })

  test.each([
    ['guest', 'a person without a role'],
    ['robot', 'an agent'],
    ['nobody', 'somebody whom no rule names'],
    ['robot+operator', 'an operator who is also named as an agent'],
  ])('is refused to %s: %s', async (name) => {
    const one = browser()
    const page = await one.signIn(name)
    expect(page.status).toBe(403)
    expect(one.cookies.has('credctl-session')).toBe(false)
    expect((await one.open('/console')).url.pathname).toBe('/console/sign-in')
  })

  test('says why when the provider refuses', async () => {
    const one = browser()
    const started = await one.open('/console/sign-in/start')
    const answer = await new Person('x').refuse(started.headers.get('location') ?? '')
    const page = await one.open(`${answer.pathname}${answer.search}`)
    expect(page.status).toBe(403)
    expect(page.text).toContain('End-User aborted interaction')
    expect(page.problems).toEqual([])
  })

  test.each([
    ['the state of another sign-in', (query: URLSearchParams) => query.set('state', 'other')],
    ['no state', (query: URLSearchParams) => query.delete('state')],
    ['two states', (query: URLSearchParams) => query.append('state', 'other')],
    ['a code that the provider did not give', (query: URLSearchParams) => query.set('code', 'x')],
    [
      'the issuer of another provider',
      (query: URLSearchParams) => query.set('iss', 'https://evil.test'),
    ],
    ['a token instead of a code', (query: URLSearchParams) => query.set('response', 'e30.e30.e30')],
  ])('refuses an answer with %s', async (_what, change) => {
    const one = browser()
    const started = await one.open('/console/sign-in/start')
    const answer = await new Person('operator').signIn(started.headers.get('location') ?? '')
    change(answer.searchParams)
    const page = await one.open(`${answer.pathname}${answer.search}`)
    expect(page.status).toBeGreaterThanOrEqual(400)
    expect(one.cookies.has('credctl-session')).toBe(false)
  })

  test('refuses the answer that another browser went for (login CSRF)', async () => {
    const [victim, attacker] = [browser(), browser()]
    await victim.open('/console/sign-in/start')
    const started = await attacker.open('/console/sign-in/start')
    const answer = await new Person('operator').signIn(started.headers.get('location') ?? '')
    const page = await victim.open(`${answer.pathname}${answer.search}`)
    expect(page.status).toBeGreaterThanOrEqual(400)
    expect(victim.cookies.has('credctl-session')).toBe(false)
  })

  test('takes one answer once, and none without a sign-in that waits for it', async () => {
    const one = browser()
    const started = await one.open('/console/sign-in/start')
    const answer = await new Person('operator').signIn(started.headers.get('location') ?? '')
    const path = `${answer.pathname}${answer.search}`
    expect((await one.open(path)).status).toBe(200)
    const again = await one.open(path)
    expect([again.status, again.text]).toEqual([
      400,
      expect.stringContaining('waits for this answer'),
    ])
    expect((await browser().open(path)).status).toBe(400)
  })

  test('refuses a pending sign-in that was tampered with, or is eleven minutes old', async () => {
    const one = browser()
    const start = async () => {
      const started = await one.open('/console/sign-in/start')
      return await new Person('operator').signIn(started.headers.get('location') ?? '')
    }
    const first = await start()
    const kept = one.cookies.get('credctl-sign-in') ?? ''
    one.cookies.set('credctl-sign-in', `${kept.slice(0, -2)}${kept.endsWith('AA') ? 'BB' : 'AA'}`)
    expect((await one.open(`${first.pathname}${first.search}`)).status).toBe(400)
    const second = await start()
    here.clock.move(11 * 60_000)
    try {
      expect((await one.open(`${second.pathname}${second.search}`)).status).toBe(400)
    } finally {
      here.clock.move(-11 * 60_000)
    }
  })

  test.each([
    'https://evil.test/',
    '//evil.test/console',
    '/\\evil.test',
    '/consolevil',
    '/console/../v1/grants',
    '/console//evil.test',
    '/console\n/x',
    '/console/x\\y',
    '/console?x=<script>',
    'javascript:alert(1)',
    `/console/${'a'.repeat(3000)}`,
    '',
  ])('ends at the first page instead of %j', async (to) => {
    const page = await browser().signIn('operator', to)
    expect(page.url.href).toBe(address('/console'))
  })

  test('gives a new id every time, and ends the session that was there before', async () => {
    const one = browser()
    await one.signIn('operator')
    const first = one.cookies.get('credctl-session')
    await one.signIn('auditor')
    expect(one.cookies.get('credctl-session')).not.toBe(first)
    const thief = browser()
    thief.cookies.set('credctl-session', first ?? '')
    expect((await thief.open('/console')).url.pathname).toBe('/console/sign-in')
  })

  test('is in the broker’s own log, without any token', async () => {
    await browser().signIn('auditor')
    expect(here.log()).toContain('"subject":"auditor","roles":["auditor"],"msg":"signed in"')
    expect(here.log()).not.toMatch(/eyJ[\w-]{20}/)
  })

  test('closes the door for a while to an address that keeps failing', async () => {
    const other = await here.replica()
    const url = `http://127.0.0.1:${other.port}`
    const one = browser(url)
    const statuses = new Set<number>()
    for (let tries = 0; tries < 320; tries += 1) {
      const started = await one.open('/console/sign-in/start')
      const state = new URL(started.headers.get('location') ?? '').searchParams.get('state')
      const { status } = await one.open(`/console/callback?code=x&state=${state}&iss=x`)
      statuses.add(status)
    }
    expect([...statuses].sort()).toContain(429)
  })
})

describe('a session', () => {
  test('is good on every replica, and ends on all of them by signing out on one', async () => {
    const one = browser()
    const page = await one.signIn('operator')
    const elsewhere = browser(`http://127.0.0.1:${(await here.replica()).port}`)
    elsewhere.cookies.set('credctl-session', one.cookies.get('credctl-session') ?? '')
    expect((await elsewhere.open('/console')).status).toBe(200)
    const kept = one.cookies.get('credctl-session') ?? ''
    const out = await one.send('/console/sign-out', { form: formToken(page) })
    expect(out.text).toContain('Signed out')
    expect(one.cookies.has('credctl-session')).toBe(false)
    one.cookies.set('credctl-session', kept)
    for (const each of [one, elsewhere]) {
      expect((await each.open('/console')).url.pathname).toBe('/console/sign-in')
    }
  })

  test('ends after an hour', async () => {
    const one = browser()
    await one.signIn('operator')
    here.clock.move(3_599_000)
    try {
      expect((await one.open('/console')).url.pathname).toBe('/console')
      here.clock.move(2_000)
      expect((await one.open('/console')).url.pathname).toBe('/console/sign-in')
    } finally {
      here.clock.move(-3_601_000)
    }
  })

  test.each([
    ['changed', (id: string) => `${id.slice(0, -1)}${id.endsWith('A') ? 'E' : 'A'}`],
    ['cut', (id: string) => id.slice(0, -1)],
    ['longer', (id: string) => `${id}A`],
    ['empty', () => ''],
    ['somebody’s grant token', () => 'eyJhbGciOiJFZERTQSJ9.e30.e30'],
    ['quoted', (id: string) => `"${id}'--"`],
  ])('is over when its cookie is %s', async (_what, change) => {
    const one = browser()
    await one.signIn('operator')
    one.cookies.set('credctl-session', change(one.cookies.get('credctl-session') ?? ''))
    expect((await one.open('/console')).url.pathname).toBe('/console/sign-in')
  })

  test('is what the rules in force make of it: a role that is gone is gone at once', async () => {
    const one = browser()
    await one.signIn('operator')
    const narrowed = await consoleWorldWithout(here, 'operator')
    const there = browser(narrowed)
    there.cookies.set('credctl-session', one.cookies.get('credctl-session') ?? '')
    const page = await there.open('/console')
    expect([page.status, page.text]).toEqual([
      403,
      expect.stringContaining('no rule of the issuer'),
    ])
    expect((await there.open('/console/sign-in')).text).toContain('Sign in with')
  })

  test('does not open the API: a cookie is no token there', async () => {
    const one = browser()
    await one.signIn('operator')
    expect((await one.open('/v1/grants')).status).toBe(401)
    const token = { authorization: `Bearer ${one.cookies.get('credctl-session')}` }
    expect((await one.open('/v1/grants', { headers: token })).status).toBe(401)
  })
})

/** A replica over the same ledger whose operator removed one rule. */
async function consoleWorldWithout(world: ConsoleWorld, group: string): Promise<string> {
  const { staff } = world.config.issuers
  if (staff === undefined) throw new Error('no staff')
  const callers = staff.callers.filter(({ claims }) => claims['groups'] !== group)
  const config = {
    ...world.config,
    listen: { host: '127.0.0.1', port: 0 },
    issuers: { ...world.config.issuers, staff: { ...staff, callers } },
  }
  const running = await startBroker(config, 'test/api/scopes', {
    logger: pino({ level: 'silent' }),
    env: { CONSOLE_SECRET: 'x' },
  })
  closers.push(() => running.close())
  return `http://127.0.0.1:${running.port}`
}
const closers: (() => Promise<void>)[] = []
afterAll(async () => {
  for (const close of closers) await close()
})

test('without the section there is no console', async () => {
  const { console: _console, ...rest } = here.config
  const config = { ...rest, console: undefined, listen: { host: '127.0.0.1', port: 0 } }
  const running = await startBroker(config, 'test/api/scopes', {
    logger: pino({ level: 'silent' }),
  })
  closers.push(() => running.close())
  for (const path of ['/console', '/console/sign-in', '/console/assets/console.css']) {
    const { status } = await browser(`http://127.0.0.1:${running.port}`).open(path, { follow: 0 })
    expect([path, status]).toEqual([path, 404])
  }
})

test('over TLS the cookies are bound to this host by their names', async () => {
  const config = {
    ...here.config,
    url: 'https://credctl.example.com',
    listen: { host: '127.0.0.1', port: 0 },
  }
  const running = await startBroker(config, 'test/api/scopes', {
    logger: pino({ level: 'silent' }),
    env: { CONSOLE_SECRET: 'x' },
  })
  closers.push(() => running.close())
  const page = await browser(`http://127.0.0.1:${running.port}`).open('/console/sign-in/start')
  expect(page.headers.getSetCookie()).toEqual([
    expect.stringMatching(
      /^__Host-credctl-sign-in=[\w-]+; Max-Age=600; Path=\/; HttpOnly; Secure; SameSite=Lax$/,
    ),
  ])
  const to = new URL(page.headers.get('location') ?? '')
  expect(to.searchParams.get('redirect_uri')).toBe('https://credctl.example.com/console/callback')
})
