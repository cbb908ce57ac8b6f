import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { granted } from '../api/world.ts'
import { testPostgres } from '../support/postgres.ts'
import { Browser, formToken } from './browser.ts'
import { type ConsoleWorld, consoleWorld } from './world.ts'

const postgres = testPostgres()
let here: ConsoleWorld
let operator: Browser
let form: string
let path: string

beforeAll(async () => {
  here = await consoleWorld(postgres)
  operator = new Browser(here.url)
  form = formToken(await operator.signIn('operator'))
  path = `/console/grants/${(await granted(here)).id}/revoke`
}, 60_000)
afterAll(() => here?.close())

const isLive = async () =>
  (await operator.open(path.replace('/revoke', ''))).text.includes('Live for')
const ORIGIN = () => new URL(here.url).origin

/** Every one of these could come from a page of somebody else, or from no page at all. */
const FOREIGN: Record<
  string,
  () => { fields?: Record<string, string>; headers?: Record<string, string>; body?: string }
> = {
  'without the token': () => ({ fields: {} }),
  'with an empty token': () => ({ fields: { form: '' } }),
  'with another token of the right length': () => ({ fields: { form: 'A'.repeat(43) } }),
  'with a token that was cut': () => ({ fields: { form: form.slice(1) } }),
  'from another origin': () => ({ headers: { origin: 'https://evil.test' } }),
  'from a page without an origin': () => ({ headers: { origin: 'null' } }),
  'from the same host at another port': () => ({ headers: { origin: 'http://127.0.0.1:1' } }),
  'from another site, as the browser says': () => ({ headers: { 'sec-fetch-site': 'cross-site' } }),
  'from a sibling, as the browser says': () => ({ headers: { 'sec-fetch-site': 'same-site' } }),
  'by typing the address': () => ({ headers: { 'sec-fetch-site': 'none' } }),
  'as JSON': () => ({
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ form }),
  }),
  'as plain text': () => ({ headers: { 'content-type': 'text/plain' } }),
  'as multipart': () => ({ headers: { 'content-type': 'multipart/form-data; boundary=x' } }),
  'with the token twice': () => ({ body: `form=${form}&form=${form}` }),
  'with 20 KiB of it': () => ({ fields: { form, more: 'x'.repeat(20_000) } }),
}

describe('a form', () => {
  test.each(Object.entries(FOREIGN))('%s does nothing', async (_what, make) => {
    const { fields = { form }, headers = {}, body } = make()
    const more = body === undefined ? { headers } : { headers, body }
    const page = await operator.send(path, fields, more)
    expect([400, 413]).toContain(page.status)
    expect(page.problems).toEqual([])
    expect(await isLive()).toBe(true)
  })

  test('that says nothing of where it comes from does nothing', async () => {
    const headers = { 'content-type': 'application/x-www-form-urlencoded' }
    const body = new URLSearchParams({ form })
    expect((await operator.open(path, { method: 'POST', headers, body })).status).toBe(400)
    expect(await isLive()).toBe(true)
  })

  test('of another session does nothing', async () => {
    const other = new Browser(here.url)
    const theirs = formToken(await other.signIn('operator'))
    expect((await operator.send(path, { form: theirs })).status).toBe(400)
    expect(await isLive()).toBe(true)
  })

  test('is not sent by opening its address', async () => {
    expect((await operator.open(path)).status).toBe(404)
    expect(await isLive()).toBe(true)
  })

  test('signs nobody out without the token', async () => {
    expect((await operator.send('/console/sign-out', {})).status).toBe(400)
    expect((await operator.open('/console')).url.pathname).toBe('/console')
  })

  test.each([
    ['as all browsers of today send it', () => ({})],
    ['as older ones do, by its origin alone', () => ({ 'sec-fetch-site': undefined })],
  ])('of this session acts: %s', async (_what, change) => {
    const { id } = await granted(here, 'other agent')
    const headers = Object.fromEntries(
      Object.entries({ origin: ORIGIN(), 'sec-fetch-site': 'same-origin', ...change() }).filter(
        (entry): entry is [string, string] => entry[1] !== undefined,
      ),
    )
    const page = await operator.open(`/console/grants/${id}/revoke`, {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams({ form }),
    })
    expect([page.status, page.text]).toEqual([200, expect.stringContaining('Ended by an operator')])
  })
})
