import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Entry } from '../../src/ledger/entry.ts'
import { testPostgres } from '../support/postgres.ts'
import { Browser, formToken, type Page } from './browser.ts'
import { emergency, stage, waiting } from './stage.ts'
import type { ConsoleWorld } from './world.ts'

const postgres = testPostgres()
let here: ConsoleWorld
let approver: Browser
let form: string
const tickets = { next: 600 }

beforeAll(async () => {
  here = await stage(postgres)
  approver = new Browser(here.url)
  form = formToken(await approver.signIn('approver'))
}, 60_000)
afterAll(() => here?.close())

/** A new request: where it is decided, and the plan that the page shows. */
async function asked(): Promise<{ path: string; plan: string; id: string; page: Page }> {
  tickets.next += 1
  const { grant } = await waiting(here, { ticket: `ORD-${tickets.next}`, intent: 'Purge them' })
  const path = `/console/approvals/${grant}`
  const page = await approver.open(path)
  return {
    path,
    id: String(grant),
    page,
    plan: /name="plan" value="([^"]+)"/.exec(page.html)?.[1] ?? '',
  }
}

async function lastEntry(): Promise<Entry> {
  const { rows } = await postgres
    .pool(here.ledgerDatabase)
    .query(`SELECT body FROM credctl_ledger.entries ORDER BY index DESC LIMIT 1`)
  return JSON.parse(rows[0].body.toString())
}

describe('the page of a request', () => {
  test('says in plain words what would be given', async () => {
    const { page } = await asked()
    expect(page.text).toContain('read and delete rows of public.orders')
    expect(page.text).toMatch(
      /s3:DeleteObject, s3:GetObject on arn:aws:s3:::acme-exports-staging\/cancelled\/ORD-\d+\/\*/,
    )
    expect(page.text).toMatch(/Binding code [0-9A-Z]{4}-[0-9A-Z]{4}/)
    expect(page.text).toContain('0 of 1 approvers')
  })

  test('has no buttons for somebody who may not decide, and says why', async () => {
    const { path } = await asked()
    const operator = new Browser(here.url)
    await operator.signIn('operator')
    const { html, text } = await operator.open(path)
    expect(html).not.toContain('name="verdict"')
    expect(text).toContain('Only people with the role approver decide requests.')
  })
})

describe('a decision', () => {
  test.each([
    ['approve', 'Approved'],
    ['deny', 'Denied'],
  ])('to %s is recorded with its reason, its plan and its place', async (verdict, shown) => {
    const { path, plan, id } = await asked()
    const reason = 'Looked at it:\r\n<b>fine</b> \u00AD'
    const page = await approver.send(`${path}/decide`, { form, plan, verdict, reason })
    expect([page.status, page.url.pathname, page.problems]).toEqual([200, path, []])
    expect(page.text).toContain(shown)
    expect(page.html).not.toContain('<b>fine')
    expect(await lastEntry()).toMatchObject({
      kind: 'approval.given',
      grant: id,
      verdict,
      via: 'console',
      plan,
      by: { class: 'human', issuer: 'staff', subject: 'approver' },
      reason: 'Looked at it:\n<b>fine</b> \u00AD',
    })
  })

  test.each([
    ['about another plan', { plan: `sha256:${'0'.repeat(64)}` }, 409],
    ['about no plan', { plan: '' }, 400],
    ['that is neither', { verdict: 'maybe' }, 400],
    ['that is nothing', { verdict: '' }, 400],
    ['with a field of somebody’s own', { by: 'root' }, 400],
    ['for a group that is not asked', { group: 'nobody' }, 403],
    ['with a reason that hides something', { reason: 'fine\u202E' }, 400],
    ['with a reason of 3,000 characters', { reason: 'x'.repeat(3000) }, 400],
  ])('%s is refused and not recorded', async (_what, change, status) => {
    const { path, plan } = await asked()
    const before = await lastEntry()
    const page = await approver.send(`${path}/decide`, {
      form,
      plan,
      verdict: 'approve',
      ...change,
    })
    expect([page.status, page.problems]).toEqual([status, []])
    expect(await lastEntry()).toEqual(before)
  })

  test('comes once: the second one hears that it is settled', async () => {
    const { path, plan } = await asked()
    const one = { form, plan, verdict: 'approve' }
    const second = new Browser(here.url)
    const theirs = formToken(await second.signIn('approver+colleague'))
    const [first, other] = await Promise.all([
      approver.send(`${path}/decide`, one),
      second.send(`${path}/decide`, { ...one, form: theirs }),
    ])
    expect([first.status, other.status].sort()).toEqual([200, 409])
    expect((await approver.open(path)).html).not.toContain('name="verdict"')
  })

  test('after its time is refused', async () => {
    const { path, plan } = await asked()
    here.clock.move(61 * 60_000)
    try {
      const page = await approver.send(`${path}/decide`, { form, plan, verdict: 'approve' })
      expect(page.status).toBe(409)
    } finally {
      here.clock.move(-61 * 60_000)
    }
  })
})

test('an emergency is loud, and wants a reason', async () => {
  const { grant } = await emergency(here, 'Checkout is down')
  const path = `/console/approvals/${grant}`
  const list = await approver.open('/console')
  expect(list.text).toContain('purge-cancelled-orders break-glass')
  const page = await approver.open(path)
  expect(page.html).toMatch(/<h1>.*class="alarm">break-glass<.*<\/h1>/s)
  expect(page.html).toMatch(/<textarea[^>]* required/)
  const plan = /name="plan" value="([^"]+)"/.exec(page.html)?.[1] ?? ''
  const silent = await approver.send(`${path}/decide`, { form, plan, verdict: 'approve' })
  expect(silent.status).toBe(400)
  const reason = 'Seen on the dashboard'
  const said = await approver.send(`${path}/decide`, { form, plan, verdict: 'approve', reason })
  expect([said.status, said.text]).toEqual([200, expect.stringContaining('Approved')])
})

test('an operator takes a request back, and nobody can approve it any more', async () => {
  const { path, plan } = await asked()
  const operator = new Browser(here.url)
  const theirs = formToken(await operator.signIn('operator'))
  const page = await operator.send(`${path}/cancel`, { form: theirs })
  expect([page.url.pathname, page.text]).toEqual([path, expect.stringContaining('Cancelled')])
  const late = await approver.send(`${path}/decide`, { form, plan, verdict: 'approve' })
  expect(late.status).toBe(409)
})

test('hundreds of requests come page by page', async () => {
  const pages: string[][] = []
  for (let number = 0; number < 55; number += 1) await asked()
  for (let path: string | undefined = '/console/approvals'; path !== undefined; ) {
    const { html }: Page = await approver.open(path)
    pages.push([...html.matchAll(/id="approval-([^"]+)"/g)].map(([, id = '']) => id))
    path = /rel="next" href="([^"]+)"/.exec(html)?.[1]?.replaceAll('&amp;', '&')
  }
  expect(pages.map((page) => page.length > 0 && page.length <= 50)).not.toContain(false)
  expect(new Set(pages.flat()).size).toBe(pages.flat().length)
  expect(pages.flat().length).toBeGreaterThanOrEqual(55)
}, 60_000)
