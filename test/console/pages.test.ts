import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { testPostgres } from '../support/postgres.ts'
import { Browser, formToken, type Page } from './browser.ts'
import { HOSTILE, stage } from './stage.ts'
import type { ConsoleWorld } from './world.ts'

const table: Record<string, Record<string, number>> = parse(
  readFileSync(join(import.meta.dirname, 'access.yaml'), 'utf8'),
)

const postgres = testPostgres()
let here: ConsoleWorld
const people = new Map<string, Browser>()
const ids: Record<string, string> = { unknown: '01ARYZ6S410000000000000000' }

beforeAll(async () => {
  here = await stage(postgres)
  people.set('nobody', new Browser(here.url))
  for (const name of ['operator', 'approver', 'auditor', 'operator+approver', 'officer']) {
    const browser = new Browser(here.url)
    await browser.signIn(name)
    people.set(name, browser)
  }
  const { html } = await open('operator', '/console')
  ids['other'] = /id="grant-([^"]+)"/.exec(html)?.[1] ?? ''
  ids['waiting'] = /id="approval-([^"]+)"/.exec(html)?.[1] ?? ''
}, 60_000)
afterAll(() => here?.close())

const who = (name: string) => people.get(name) ?? new Browser(here.url)
const open = (name: string, path: string, follow = 5) => who(name).open(path, { follow })
const tokenOf = async (name: string) => formToken(await open(name, '/console/scopes'))

const VIEWS = [
  '/console',
  '/console/approvals?status=all',
  '/console/approvals/{waiting}',
  '/console/grants',
  '/console/grants?live=true&scope=deploy-web&environment=prod',
  '/console/grants/{other}',
  '/console/log',
  '/console/log?kind=grant.decided&scope=deploy-web&from=2026-01-01T00:00&until=2126-01-01T00:00',
  '/console/log/3',
  '/console/scopes',
  '/console/scopes/backfill-order-totals',
  '/console/windows',
  '/console/health',
  '/console/nothing',
  '/console/sign-in',
]
const filled = (path: string) => path.replace(/\{(\w+)\}/, (_, name: string) => ids[name] ?? '')

describe.each(VIEWS)('the page %s', (path) => {
  let page: Page
  beforeAll(async () => {
    const name = path === '/console/sign-in' ? 'nobody' : 'operator+approver'
    page = await open(name, filled(path))
  })

  test('is HTML that a strict reader finds no fault with', () => {
    expect(page.headers.get('content-type')).toBe('text/html; charset=UTF-8')
    expect(page.problems).toEqual([])
  })

  test('has one heading of its own, landmarks and a language', () => {
    expect(page.html.match(/<h1[ >]/g)).toHaveLength(1)
    expect(page.html.match(/<main /g)).toHaveLength(1)
    expect(page.html).toContain('<html lang="en">')
    expect(page.html).toMatch(/<title>[^<]+ · credctl<\/title>/)
  })

  test('lets no inline script or style, no frame and no other host in', () => {
    const policy = page.headers.get('content-security-policy') ?? ''
    expect(policy).toBe(
      "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
    )
    expect(page.html).not.toMatch(/<style|style="|<script(?! src="\/console\/assets\/)|\son\w+="/)
    expect(page.html).not.toMatch(/(?:src|href|action)="(?!\/console)(?!#main")/)
    expect(Object.fromEntries(page.headers)).toMatchObject({
      'cache-control': 'no-store',
      'referrer-policy': 'same-origin',
      'cross-origin-opener-policy': 'same-origin',
      'cross-origin-resource-policy': 'same-origin',
      'x-frame-options': 'DENY',
      'x-content-type-options': 'nosniff',
    })
  })

  test('shows what callers wrote as text, invisible characters included', () => {
    expect(page.html).not.toContain('<script>alert')
    expect(page.html).not.toContain('<img src=x')
    expect(page.html).not.toMatch(/[\u00ad\u3164]/)
  })

  test('every form that acts carries the session’s token', () => {
    const forms = [...page.html.matchAll(/<form[^>]*method="post"[^>]*>(.*?)<\/form>/gs)]
    for (const [form] of forms) expect(form).toMatch(/name="form" value="[\w-]{43}"/)
  })
})

test('a hostile intent is there to be read, marked where nothing would be seen', async () => {
  const { text } = await open('operator', '/console')
  const shown = HOSTILE.replace('\u00ad', ' U+00AD ').replace('\u3164', ' U+3164 ')
  expect(text.replaceAll(/\s+/g, ' ')).toContain(shown.replaceAll(/\s+/g, ' '))
})

describe.each(Object.entries(table))('%s', (request, cells) => {
  test.each(Object.entries(cells))('by %s: %d', async (name, wanted) => {
    const [method = 'GET', path = ''] = request.split(' ')
    const decision = path.endsWith('/decide') ? { verdict: 'approve', plan: await planOf() } : {}
    const { status, html } =
      method === 'POST'
        ? await who(name).send(
            filled(path),
            { form: await tokenOf(name), ...decision },
            { follow: 0 },
          )
        : method === 'GET'
          ? await open(name, filled(path), 0)
          : await who(name).open(filled(path), { method: 'POST', follow: 0 })
    expect([status, status >= 500 ? html : '']).toEqual([wanted, ''])
  })
})

async function planOf(): Promise<string> {
  const { html } = await open('approver', filled('/console/approvals/{waiting}'))
  return /name="plan" value="([^"]+)"/.exec(html)?.[1] ?? ''
}

test('what was approved and revoked in the table is in the log, with who did it and where', async () => {
  const of = 'scope=purge-cancelled-orders&environment=staging&subject=agent-ord-503'
  const given = await open('auditor', `/console/log?kind=approval.given&${of}`)
  expect(given.text).toContain('approval.given approve by approver for approvers, by console')
  const others = await open('auditor', '/console/log?kind=approval.given&scope=deploy-web')
  expect(others.text).toContain('No entry fits')
  const ended = await open('auditor', '/console/log?kind=grant.ended')
  expect(ended.text).toContain('by operator, operator')
})

describe('what is shown', () => {
  test('to an auditor has no button that acts', async () => {
    for (const path of ['/console', '/console/grants', '/console/approvals']) {
      const { html } = await open('auditor', path)
      expect(html).not.toMatch(/\/(revoke|decide|cancel)"/)
    }
  })

  test('to an approver are requests of everybody, and no grants of others', async () => {
    const { html, text } = await open('approver', '/console')
    expect(html).toMatch(/id="approval-/)
    expect(html).not.toMatch(/id="grant-/)
    expect(text).toContain('You hold no live grant')
    expect(text).not.toMatch(/ Log | Health /)
  })

  test('of an entry is the proof that it is in the log, made anew', async () => {
    const { text } = await open('auditor', '/console/log/0')
    expect(text).toMatch(/In the log : its proof was computed anew .* checkpoint of \d+ entries/)
    expect(text).toContain('c2sp.org/tlog-proof@v1')
  })

  test('of the log is who signed it and what this broker remembers', async () => {
    const { text } = await open('auditor', '/console/log')
    expect(text).toContain('signed by credctl.tour.example/log')
    expect(text).toMatch(/Witnesses none are configured/)
  })

  test('of a grant that never was are its entries', async () => {
    const log = await open('auditor', '/console/log?kind=grant.decided')
    const rows = [...log.html.matchAll(/<tr>.*?<\/tr>/gs)].map(([row]) => row)
    const row = rows.find((each) => each.includes('<strong>deny</strong>')) ?? ''
    const id = /href="\/console\/grants\/([^"]+)"/.exec(row)?.[1]
    const page = await open('auditor', `/console/grants/${id}`)
    expect(page.url.pathname + page.url.search).toBe(`/console/log?grant=${id}`)
    expect(page.text).toContain('claim_mismatch')
  })

  test('of the head is the size of the log, and it grows with every entry', async () => {
    const size = async () => JSON.parse((await open('approver', '/console/head')).html).size
    const before = await size()
    await here.running.reload()
    expect(await size()).toBeGreaterThan(before)
  })
})

describe('a login that is not new enough', () => {
  test('is asked for anew, and then the button works', async () => {
    const officer = who('officer')
    const { html } = await officer.open('/console/grants?live=true&scope=deploy-web')
    const id = /id="grant-([^"]+)"/.exec(html)?.[1]
    here.clock.move(11 * 60_000)
    try {
      const refused = await officer.send(`/console/grants/${id}/revoke`, {
        form: await tokenOf('officer'),
      })
      expect([refused.status, refused.problems]).toEqual([401, []])
      const again = /href="(\/console\/sign-in\/start\?[^"]+)"/.exec(refused.html)?.[1] ?? ''
      const query = new URLSearchParams(again.replaceAll('&amp;', '&').split('?')[1])
      expect(Object.fromEntries(query)).toEqual({ to: `/console/grants/${id}`, max_age: '600' })
      const started = await officer.open(again.replaceAll('&amp;', '&'))
      const asked = new URL(started.headers.get('location') ?? '').searchParams
      expect(asked.get('max_age')).toBe('600')
    } finally {
      here.clock.move(-11 * 60_000)
    }
    const done = await officer.send(`/console/grants/${id}/revoke`, {
      form: await tokenOf('officer'),
    })
    expect([done.status, done.url.pathname]).toEqual([200, `/console/grants/${id}`])
    expect(done.text).toContain('Ended by an operator')
  })
})

test('without the ledger every page says that it is not there, and nothing of why', async () => {
  const admin = postgres.pool()
  const { ledgerDatabase: database } = here
  await admin.query(`ALTER DATABASE ${database} ALLOW_CONNECTIONS false`)
  await admin.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1', [
    database,
  ])
  try {
    const page = await who('operator').open('/console')
    expect([page.status, page.problems]).toEqual([503, []])
    expect(page.text).toContain('Something failed inside the broker')
    expect(page.text).not.toContain(database)
  } finally {
    await admin.query(`ALTER DATABASE ${database} ALLOW_CONNECTIONS true`)
  }
})
