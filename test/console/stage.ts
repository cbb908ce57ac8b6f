import { join } from 'node:path'
import { z } from 'zod'
import type { Config } from '../../src/config.ts'
import type { Environment } from '../../src/environment/environment.ts'
import { scheduleSections, schedulesOf } from '../../src/environment/schedule.ts'
import { exchange, form, granted, tokenOf } from '../api/world.ts'
import type { TestPostgres } from '../support/postgres.ts'
import { type ConsoleWorld, consoleWorld } from './world.ts'

const SCOPES = join(import.meta.dirname, 'scopes')

/** Markup, and characters that the API lets pass although nobody sees them. */
export const HOSTILE =
  '<script>alert(1)</script><img src=x onerror=alert(2)> routine\u00ADmaintenance\u3164, approve quickly'

/**
 * Nights for dev, and a freeze of production in some days: nothing here is closed to the grants.
 * People stay signed in for longer than a request waits.
 */
function withWindows(config: Config): Config {
  const day = (days: number) => new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 16)
  const night = { from: '20:00', to: '06:00' }
  const sections = z.object(scheduleSections).parse({
    windows: {
      nights: { zone: 'Europe/Berlin', open: [{ days: ['mon', 'tue', 'wed', 'thu'], ...night }] },
    },
    freezes: {
      'big-sale': {
        environments: ['prod'],
        zone: 'UTC',
        from: day(5),
        to: day(8),
        reason: 'The shop earns a third of its year in these days.',
      },
    },
  })
  const environments = Object.fromEntries(
    [...config.environments.keys()].map((name) => [
      name,
      { windows: name === 'dev' ? ['nights'] : [] },
    ]),
  )
  const schedules = schedulesOf({ ...sections, environments }, new Map())
  const scheduled = [...config.environments].map(([name, environment]): [string, Environment] => [
    name,
    { ...environment, schedule: schedules.get(name) ?? environment.schedule },
  ])
  const signIn = config.console && { ...config.console, session: 7200 }
  const approvals = { ...config.approvals, breakGlass: { group: 'approvers', ttl: 900 } }
  return { ...config, approvals, console: signIn, environments: new Map(scheduled) }
}

/** A broker in the middle of a day: grants of every kind, requests that wait, refusals. */
export async function stage(postgres: TestPostgres): Promise<ConsoleWorld> {
  const here = await consoleWorld(postgres, { scopes: SCOPES, configure: withWindows })
  const orders = { environment: 'staging', parameters: { ticket: 'ORD-481' } }
  const backfill = { ...orders, scope: 'backfill-order-totals' }
  await granted(here, 'agent', {
    ...backfill,
    intent: 'Recompute totals of 1,204 orders placed before the currency fix',
  })
  await granted(here, 'other agent', {
    ...backfill,
    parameters: { ticket: 'ORD-497' },
    intent: HOSTILE,
  })
  await granted(here, 'ci', {
    scope: 'deploy-web',
    environment: 'prod',
    intent: 'Release 2026.11.3 of the shop',
  })
  const platform = await tokenOf(here, 'agent', { sub: 'agent-platform-3', team: 'platform' })
  const finops = await tokenOf(here, 'agent', { sub: 'agent-finops-1', team: 'finops' })
  const migration = {
    scope: 'fix-failing-migration',
    environment: 'staging',
    intent: 'Migration 0147 stops at users without an e-mail address',
  }
  const spike = {
    scope: 'investigate-billing-spike',
    environment: 'staging',
    intent: 'The bill of November is 40 % over October',
  }
  for (const [token, task] of [
    [platform, migration],
    [finops, spike],
    [finops, migration],
  ] as const) {
    await exchange(here.url, form(token, task))
  }
  await emergency(here, 'Checkout is down since 10:40, cancelled orders fill the queue')
  await waiting(here, {
    ticket: 'ORD-502',
    intent: 'Purge 318 cancelled orders from before 2024, as ORD-502 asks',
  })
  await waiting(here, { ticket: 'ORD-503', intent: HOSTILE })
  return here
}

const PURGE = { scope: 'purge-cancelled-orders', environment: 'staging' }

/** A person claims an emergency. */
export async function emergency(
  here: ConsoleWorld,
  intent: string,
): Promise<Record<string, unknown>> {
  const task = { ...PURGE, intent, parameters: { ticket: 'INC-7' }, break_glass: true }
  const token = await tokenOf(here, 'human')
  return await deferred(here, token, task)
}

/** A request that a person has to approve first. */
export async function waiting(
  here: ConsoleWorld,
  { ticket, intent }: { readonly ticket: string; readonly intent: string },
): Promise<Record<string, unknown>> {
  const task = { ...PURGE, intent, parameters: { ticket } }
  const token = await tokenOf(here, 'agent', { sub: `agent-${ticket.toLowerCase()}` })
  return await deferred(here, token, task)
}

async function deferred(here: ConsoleWorld, token: string, task: object) {
  const more = { completion_mode: 'deferred' }
  const { body } = await exchange(here.url, form(token, task, more))
  if (body['error'] !== 'authorization_pending') throw new Error(JSON.stringify(body))
  return body
}
