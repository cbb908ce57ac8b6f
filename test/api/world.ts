import { join } from 'node:path'
import { Writable } from 'node:stream'
import { pino } from 'pino'
import type { Clock } from '../../src/clock.ts'
import type { Config } from '../../src/config.ts'
import { GRANT_TYPES, TASK_DETAILS_TYPE, TOKEN_TYPES } from '../../src/contract.ts'
import { type TestBroker, type TestBrokerOptions, testBroker } from '../support/broker.ts'
import type { TestPostgres } from '../support/postgres.ts'

export const SCOPES = join(import.meta.dirname, 'scopes')

/** A clock that tests move; it starts at the present, as tokens of the issuers do. */
export interface MovedClock extends Clock {
  move(milliseconds: number): void
}

export interface World extends TestBroker {
  readonly clock: MovedClock
  /** Everything the broker has logged so far. */
  readonly log: () => string
}

/** A broker with callers of every class and role, over scopes made for tests of the API. */
export async function world(
  postgres: TestPostgres,
  options: TestBrokerOptions = {},
): Promise<World> {
  const lines: string[] = []
  const sink = new Writable({
    write(chunk, _encoding, done) {
      lines.push(String(chunk))
      done()
    },
  })
  let offset = 0
  const clock: MovedClock = {
    now: () => new Date(Date.now() + offset),
    move: (milliseconds) => {
      offset += milliseconds
    },
  }
  const broker = await testBroker(postgres, {
    scopes: SCOPES,
    configure: withCallers,
    clock,
    logger: pino({ level: 'trace' }, sink),
    ...options,
  })
  return { ...broker, clock, log: () => lines.join('') }
}

/** Claims decide the class here, so that one issuer can make callers of each. */
export function withCallers(config: Config): Config {
  const { agents, github, people } = config.issuers
  if (agents === undefined || github === undefined || people === undefined) {
    throw new Error('the issuers of the tour have other names')
  }
  return {
    ...config,
    issuers: {
      agents: {
        ...agents,
        callers: [
          { class: 'agent', claims: { kind: 'agent' } },
          { class: 'local', claims: { kind: 'local' } },
        ],
      },
      github: {
        ...github,
        callers: [
          { class: 'ci', claims: { kind: 'ci' } },
          { class: 'workload', claims: { kind: 'workload' } },
        ],
      },
      people: {
        ...people,
        callers: [
          { class: 'human', claims: { kind: 'human' } },
          { class: 'human', claims: { kind: 'human', role: 'operator' }, roles: ['operator'] },
          { class: 'human', claims: { kind: 'human', role: 'auditor' }, roles: ['auditor'] },
          { class: 'human', claims: { kind: 'human', role: 'approver' }, roles: ['approver'] },
          {
            class: 'human',
            claims: { kind: 'human', role: 'officer' },
            roles: ['operator'],
            step_up: { max_age: 600, acr: ['phr', 'phrh'] },
          },
        ],
      },
    },
  }
}

/** Identity tokens by who asks. */
export function tokenOf(broker: TestBroker, who: string, more: object = {}): Promise<string> {
  const { issuers } = broker
  const team = { team: 'orders' }
  const make: Record<string, () => Promise<string>> = {
    agent: () => issuers.agent({ sub: 'agent-1', kind: 'agent', ...team, ...more }),
    'other agent': () => issuers.agent({ sub: 'agent-2', kind: 'agent', ...team, ...more }),
    stranger: () => issuers.agent({ sub: 'agent-3', kind: 'agent', team: 'nobody', ...more }),
    unclassified: () => issuers.agent({ sub: 'agent-4', kind: 'robot', ...team, ...more }),
    local: () => issuers.agent({ sub: 'laptop-1', kind: 'local', ...team, ...more }),
    ci: () => issuers.ci({ sub: 'job-1', kind: 'ci', ...team, ...more }),
    workload: () => issuers.ci({ sub: 'pod-1', kind: 'workload', ...team, ...more }),
    human: () => issuers.person({ sub: 'person-1', kind: 'human', ...team, ...more }),
    operator: () => issuers.person({ sub: 'person-2', kind: 'human', role: 'operator', ...more }),
    officer: () => issuers.person({ sub: 'person-4', kind: 'human', role: 'officer', ...more }),
    approver: () => issuers.person({ sub: 'person-5', kind: 'human', role: 'approver', ...more }),
    auditor: () => issuers.person({ sub: 'person-3', kind: 'human', role: 'auditor', ...more }),
  }
  const token = make[who]
  if (token === undefined) throw new Error(`nobody is called ${who}`)
  return token()
}

export interface Sent {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  /** The body as JSON, or an empty object. */
  readonly body: Record<string, unknown>
}

export async function send(url: string, init: RequestInit = {}): Promise<Sent> {
  const response = await fetch(url, init)
  const text = await response.text()
  return { status: response.status, headers: response.headers, text, body: parsed(text) }
}

function parsed(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? { ...value } : {}
  } catch {
    return {}
  }
}

export const TASK = { scope: 'orders', environment: 'staging', intent: 'Look at an order.' }

/** The form of a token exchange; fields of `more` replace or, when undefined, remove. */
export function form(
  token: string,
  task: object = TASK,
  more: Record<string, string> = {},
): string {
  return new URLSearchParams({
    grant_type: GRANT_TYPES.exchange,
    subject_token: token,
    subject_token_type: TOKEN_TYPES.jwt,
    authorization_details: JSON.stringify([{ type: TASK_DETAILS_TYPE, ...task }]),
    ...more,
  }).toString()
}

export function exchange(url: string, body: string): Promise<Sent> {
  const headers = { 'content-type': 'application/x-www-form-urlencoded' }
  return send(`${url}/token`, { method: 'POST', headers, body })
}

export interface Granted {
  readonly id: string
  readonly token: string
}

/** A grant that must be allowed. */
export async function granted(
  broker: TestBroker,
  who = 'agent',
  task: object = TASK,
): Promise<Granted> {
  const { status, text, body } = await exchange(broker.url, form(await tokenOf(broker, who), task))
  if (status !== 200) throw new Error(`${who}: ${text}`)
  const [details] = body['authorization_details'] as { grant: string }[]
  return { id: details?.grant ?? '', token: String(body['access_token']) }
}

export function bearer(token: string): { headers: Record<string, string> } {
  return { headers: { authorization: `Bearer ${token}` } }
}
