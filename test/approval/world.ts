import { join } from 'node:path'
import type { Config } from '../../src/config.ts'
import {
  bearer,
  exchange,
  form,
  type Sent,
  send,
  tokenOf,
  type World,
  withCallers,
  world,
} from '../api/world.ts'
import type { TestBrokerOptions } from '../support/broker.ts'
import type { TestPostgres } from '../support/postgres.ts'

export const SCOPES = join(import.meta.dirname, 'scopes')

/** People who approve: `ann` and `bob` are members of dba, `cleo` of security, `dora` of neither. */
export function withApprovers(config: Config): Config {
  const base = withCallers(config)
  return {
    ...base,
    approvals: {
      ...base.approvals,
      groups: {
        dba: { members: [{ issuer: 'people', claims: { groups: 'dba' } }] },
        security: { members: [{ issuer: 'people', claims: { groups: 'security' } }] },
      },
      samePerson: { people: 'email', agents: 'owner_email', github: 'actor_email' },
    },
  }
}

const GROUPS: Record<string, string[]> = {
  ann: ['dba'],
  bob: ['dba', 'security'],
  cleo: ['security'],
  dora: ['staff'],
}

/** A broker where deleting needs an approver; `more` replaces parts of the approvals' section. */
export async function approvalWorld(
  postgres: TestPostgres,
  more: Partial<Config['approvals']> = {},
  options: TestBrokerOptions = {},
): Promise<World> {
  return await world(postgres, {
    scopes: SCOPES,
    configure: (config) => {
      const ours = withApprovers(config)
      return { ...ours, approvals: { ...ours.approvals, ...more } }
    },
    ...options,
  })
}

/** An approver's identity token, of a login made just now. */
export function personToken(here: World, name: string, more: object = {}): Promise<string> {
  return here.issuers.person({
    sub: name,
    kind: 'human',
    role: 'approver',
    groups: GROUPS[name] ?? [],
    email: `${name}@example.com`,
    ...times(here),
    auth_time: Math.floor(here.clock.now().getTime() / 1000),
    ...more,
  })
}

/** Everybody says who they are, in the claim of their issuer. */
const NAMED = {
  email: 'requester@example.com',
  owner_email: 'requester@example.com',
  actor_email: 'requester@example.com',
}

/** Identity tokens by who asks, of the time that the broker thinks it is. */
export function tokenNow(here: World, who: string, claims: object = {}): Promise<string> {
  return tokenOf(here, who, { ...times(here), ...NAMED, ...claims })
}

function times(here: World) {
  const now = Math.floor(here.clock.now().getTime() / 1000)
  return { iat: now, nbf: now, exp: now + 900 }
}

export const PURGE = {
  scope: 'purge-orders',
  environment: 'staging',
  intent: 'Delete the orders of a customer who left.',
  parameters: { ticket: 'ORD-1' },
}

export interface AskOptions {
  readonly who?: string
  readonly deferred?: boolean
  readonly task?: object
  readonly claims?: object
  readonly form?: Record<string, string>
}

/** Asks for a grant. Another intent each time makes another request. */
export async function askFor(here: World, options: AskOptions = {}): Promise<Sent> {
  const { who = 'agent', deferred = true, task = PURGE, claims, form: more } = options
  const fields = { ...(deferred ? { completion_mode: 'deferred' } : {}), ...more }
  return await exchange(here.url, form(await tokenNow(here, who, claims), task, fields))
}

export interface Asked {
  readonly id: string
  readonly code: string
  readonly plan: string
  readonly bindingCode: string
}

/** Asks for something new that waits, and gives what both sides then know. */
export async function pending(here: World, options: AskOptions = {}): Promise<Asked> {
  asked += 1
  const intent = `Delete the orders of customer ${asked}.`
  const { body, text } = await askFor(here, { task: { ...PURGE, intent }, ...options })
  if (body['error'] !== 'authorization_pending') throw new Error(text)
  const { id, binding_code } = body['approval'] as { id: string; binding_code: string }
  const shown = await show(here, 'ann', id)
  return {
    id,
    code: String(body['deferral_code']),
    plan: String(shown.body['plan']),
    bindingCode: binding_code,
  }
}
let asked = 0

export async function show(here: World, name: string, id: string): Promise<Sent> {
  return await send(`${here.url}/v1/approvals/${id}`, bearer(await personToken(here, name)))
}

/** One person's word through the API. */
export async function say(
  here: World,
  name: string,
  { id, plan }: Pick<Asked, 'id' | 'plan'>,
  more: object = {},
  claims: object = {},
): Promise<Sent> {
  const { headers } = bearer(await personToken(here, name, claims))
  return await send(`${here.url}/v1/approvals/${id}`, {
    method: 'POST',
    headers: { ...headers, 'content-type': 'application/json' },
    body: JSON.stringify({ verdict: 'approve', plan, ...more }),
  })
}

const DEFERRED = 'urn:ietf:params:oauth:grant-type:deferred'
const ASSERTION = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

const polled = new Set<string>()

/** Polls as the identity that asked, without a key. */
export async function poll(
  here: World,
  code: string,
  who = 'agent',
  more: Record<string, string> = {},
  claims?: object,
): Promise<Sent> {
  if (polled.has(code)) here.clock.move(6_000)
  polled.add(code)
  const body = new URLSearchParams({
    grant_type: DEFERRED,
    deferral_code: code,
    client_assertion_type: ASSERTION,
    client_assertion: await tokenNow(here, who, claims),
    ...more,
  })
  return await send(`${here.url}/token`, { method: 'POST', body })
}

/** Kinds of the entries of a request's chain, and what they say in a word. */
export async function chain(here: World, id: string): Promise<string[]> {
  const { body } = await send(
    `${here.url}/v1/grants/${id}/receipts`,
    bearer(await tokenNow(here, 'operator')),
  )
  const receipts = (body['receipts'] ?? []) as { entry: string }[]
  return receipts.map(({ entry }) => {
    const { kind, decision, verdict, outcome } = JSON.parse(entry)
    return [kind, decision ?? verdict ?? outcome].filter((each) => each !== undefined).join(' ')
  })
}
