import { afterAll, beforeAll, expect, test } from 'vitest'
import { testPostgres } from '../support/postgres.ts'
import { Browser } from './browser.ts'
import { type ConsoleWorld, consoleWorld } from './world.ts'

const postgres = testPostgres()
let here: ConsoleWorld
beforeAll(async () => {
  here = await consoleWorld(postgres)
}, 60_000)
afterAll(() => here?.close())

test('an operator signs in and sees the first page', async () => {
  const page = await new Browser(here.url).signIn('operator')
  console.log(page.status, page.text, page.problems)
  expect(page.status).toBe(200)
})
