import { mkdir, readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { allowInsecureRequests, Configuration, genericGrantRequest, None } from 'openid-client'
import { type Browser, chromium, type Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { tokenOf } from '../api/world.ts'
import { testPostgres } from '../support/postgres.ts'
import { findChromium, whyNoChromium } from './chromium.ts'
import { stage, waiting } from './stage.ts'
import type { ConsoleWorld } from './world.ts'

const skipped = whyNoChromium()
if (skipped !== undefined) console.warn(`tests in a real browser are skipped: ${skipped}`)

const SCREENSHOTS = 'docs/screenshots'
const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js')
const SCHEMES = ['light', 'dark'] as const
const WIDTHS = [1280, 390] as const
/** Of narrow pages these are kept as pictures; all of them are looked at. */
const NARROW = ['now', 'approval', 'scopes', 'windows']
/** Pixels that a page is wider than its window. */
const OVERFLOW = 'document.documentElement.scrollWidth - innerWidth'

describe.skipIf(skipped !== undefined)('in a real browser', () => {
  const postgres = testPostgres()
  let here: ConsoleWorld
  let browser: Browser

  beforeAll(async () => {
    here = await stage(postgres)
    browser = await chromium.launch({
      executablePath: findChromium() ?? '',
      // Root has no sandbox of its own; the pages are ours.
      args: process.getuid?.() === 0 ? ['--no-sandbox'] : [],
    })
    await mkdir(SCREENSHOTS, { recursive: true })
  }, 120_000)
  afterAll(async () => {
    await browser?.close()
    await here?.close()
  })

  /** What the browser complained of: blocked files, refused styles, errors of the script. */
  const complaints: string[] = []

  /** A page of somebody who signed in through the provider's own forms. */
  async function signedIn(name: string, options: object = {}): Promise<Page> {
    const context = await browser.newContext({ baseURL: here.url, ...options })
    const page = await context.newPage()
    await page.goto('/console')
    await page.getByRole('link', { name: /^Sign in with/ }).click()
    await page.locator('input[name=login]').fill(name)
    await page.locator('input[name=password]').fill('any')
    await page.locator('button[type=submit]').click()
    await page.locator('button[type=submit]').click()
    await page.waitForURL('**/console')
    page.on('console', (message) => {
      if (message.type() === 'error') complaints.push(message.text())
    })
    page.on('pageerror', (error) => complaints.push(String(error)))
    return page
  }

  /** Every view, by the name of its picture. */
  async function views(page: Page): Promise<[name: string, path: string][]> {
    await page.goto('/console')
    const address = async (css: string) =>
      (await page.locator(css).first().getAttribute('href')) ?? ''
    return [
      ['now', '/console'],
      ['approvals', '/console/approvals?status=all'],
      ['approval', await address('[id^=approval-] .task a')],
      ['grants', '/console/grants'],
      ['grant', await address('[id^=grant-] .task a')],
      ['log', '/console/log'],
      ['entry', '/console/log/3'],
      ['scopes', '/console/scopes'],
      ['scope', '/console/scopes/deploy-web'],
      ['windows', '/console/windows'],
      ['health', '/console/health'],
    ]
  }

  describe.each(SCHEMES)('%s', (colorScheme) => {
    test.each(WIDTHS)(
      'every view at %d pixels: a picture, no overflow, no barrier',
      async (width) => {
        const viewport = { width, height: width > 1000 ? 860 : 844 }
        const page = await signedIn('operator+approver', {
          colorScheme,
          viewport,
          bypassCSP: false,
        })
        for (const [name, path] of await views(page)) {
          await page.goto(path)
          const picture = `${SCREENSHOTS}/${name}-${width}-${colorScheme}.png`
          if (width > 1000 || NARROW.includes(name)) {
            await page.screenshot({ path: picture, fullPage: true })
          }
          expect(await page.evaluate<number>(OVERFLOW), name).toBeLessThanOrEqual(0)
          expect(await barriers(page), name).toEqual([])
        }
        await page.context().close()
        expect(complaints).toEqual([])
      },
      120_000,
    )
  })

  /** What axe finds, as `rule: element`. It is put into the page by the browser's own means. */
  async function barriers(page: Page): Promise<string[]> {
    await page.evaluate(await readFile(AXE, 'utf8'))
    const found = await page.evaluate<{ violations: { id: string; nodes: { html: string }[] }[] }>(
      'axe.run(document, { resultTypes: ["violations"] })',
    )
    return found.violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html}`))
  }

  test('the page counts down and follows the log', async () => {
    const page = await signedIn('operator')
    const first = await page.locator('.grants .countdown').first().textContent()
    await expect
      .poll(() => page.locator('.grants .countdown').first().textContent(), { timeout: 5_000 })
      .not.toBe(first)
    const before = await page.locator('[id^=approval-]').count()
    await waiting(here, { ticket: 'ORD-510', intent: 'Appears without anybody asking' })
    await expect
      .poll(() => page.locator('[id^=approval-]').count(), { timeout: 5_000 })
      .toBe(before + 1)
    await expect
      .poll(() => page.locator('#news').textContent(), { timeout: 5_000 })
      .toBe(`Waiting for approval ${before + 1}`)
    await page.context().close()
  }, 60_000)

  test('a keyboard is enough to revoke a grant, and scripts are not needed for it', async () => {
    const page = await signedIn('operator', { javaScriptEnabled: false })
    const row = page.locator('[id^=grant-]').first()
    const id = (await row.getAttribute('id'))?.replace('grant-', '') ?? ''
    await row.getByRole('button').focus()
    await page.keyboard.press('Enter')
    await page.waitForURL(`**/console/grants/${id}`)
    expect(await page.locator('.state').textContent()).toContain('Ended by an operator')
    await page.context().close()
  }, 60_000)

  test('one client asks, a person approves in the browser, and the client has its grant', async () => {
    const client = new Configuration(
      { issuer: here.url, token_endpoint: `${here.url}/token` },
      'an agent',
      undefined,
      None(),
    )
    allowInsecureRequests(client)
    const asked = await waiting(here, { ticket: 'ORD-777', intent: 'Purge what ORD-777 lists' })
    const poll = async () => {
      const token = await tokenOf(here, 'agent', { sub: 'agent-ord-777' })
      return await genericGrantRequest(client, 'urn:ietf:params:oauth:grant-type:deferred', {
        deferral_code: String(asked['deferral_code']),
        client_assertion: token,
        client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      })
    }
    await expect(poll()).rejects.toMatchObject({ error: 'authorization_pending' })

    const page = await signedIn('approver')
    await page
      .getByRole('row')
      .filter({ hasText: 'ORD-777' })
      .getByRole('link', { name: /^Decide/ })
      .click()
    expect(await page.locator('.code-word').textContent()).toContain(bindingCode(asked))
    await page.getByLabel('Reason').fill('Looked at ORD-777 with the team')
    await page.getByRole('button', { name: 'Approve' }).click()
    await page.waitForURL('**/console/approvals/*')
    expect(await page.locator('.state').textContent()).toContain('Approved')
    await page.context().close()

    await new Promise((resolve) => setTimeout(resolve, Number(asked['interval'] ?? 5) * 1000))
    expect(await poll()).toMatchObject({ token_type: 'bearer', access_token: expect.any(String) })
  }, 60_000)
})

function bindingCode(body: Readonly<Record<string, unknown>>): string {
  const { approval } = body as { readonly approval: { readonly binding_code: string } }
  return approval.binding_code
}
