import type { PlanAnswer, ScopeList } from '../contract.ts'
import { CredctlError } from '../errors.ts'
import { isSafe } from './address.ts'
import { ask, type Connection } from './connection.ts'
import { type Identity, requestGrant, type TaskRequest, type Waiting } from './grant.ts'
import { createProofKey, Possession, type ProofKey } from './possession.ts'
import { sendByFetch } from './send.ts'
import { Task } from './task.ts'

export { CredctlError, type ErrorCode } from '../errors.ts'
export type { AwsCredentialProvider, AwsCredentials } from './aws.ts'
export type { Pending } from './deferral.ts'
export type {
  GrantedTarget,
  GrantStatus,
  Identity,
  Revocation,
  TaskRequest,
  Waiting,
} from './grant.ts'
export type { ProofKey } from './possession.ts'
export type { PostgresConfig } from './postgres.ts'
export { type Reason, Refusal } from './refusal.ts'
export type { Task } from './task.ts'

export interface ClientOptions {
  /** Address of the broker: https, or http on this machine. */
  readonly url: string | URL
  /** Gives the caller's identity token, asked for whenever one is sent. */
  readonly identity: Identity
  /**
   * Bind grants to a key (RFC 9449), so that a grant token alone is worth nothing: `true` for a key
   * of this client's own, or an ES256 pair of keys.
   */
  readonly dpop?: boolean | ProofKey
}

/**
 * A client of a broker, for programs that run tasks. Needs `fetch` and Web Crypto and nothing else:
 * Node.js, Bun and Deno have both. What it throws is a `CredctlError` with a stable `code`; what the
 * broker refused is a `Refusal`, with the broker's reasons. No error holds a secret.
 */
export interface Client {
  /**
   * Starts a task. Waits for an approval where one is needed, until it is given, refused or too
   * late, or `signal` ends the wait.
   */
  start(task: TaskRequest, waiting?: Waiting): Promise<Task>
  /** What a task would get: nothing is granted. */
  plan(task: TaskRequest): Promise<PlanAnswer>
  /** The scopes that the caller may see. */
  scopes(): Promise<ScopeList>
}

/** Error: `usage` for an address that would send tokens in the clear. */
export function createClient({ url, identity, dpop = false }: ClientOptions): Client {
  const connection: Connection = {
    broker: addressOf(url),
    send: sendByFetch,
    ...(dpop === false
      ? {}
      : { possession: new Possession(dpop === true ? createProofKey() : Promise.resolve(dpop)) }),
  }
  return {
    start: async (task, waiting = {}) =>
      new Task(connection, await requestGrant(connection, identity, task, waiting)),
    plan: (task) => plan(connection, identity, task),
    scopes: () => scopes(connection, identity),
  }
}

export async function plan(
  connection: Connection,
  identity: Identity,
  { callerClass, ...task }: TaskRequest,
): Promise<PlanAnswer> {
  const json = { ...task, ...(callerClass === undefined ? {} : { caller_class: callerClass }) }
  const token = { kind: 'identity', value: await identity() } as const
  const answer = await ask(
    connection,
    { method: 'POST', path: '/v1/plans', token, json },
    'the plan',
  )
  answer.oneOf('decision', ['allow', 'deny', 'needs_approval'])
  return answer.raw() as PlanAnswer
}

export async function scopes(connection: Connection, identity: Identity): Promise<ScopeList> {
  const token = { kind: 'identity', value: await identity() } as const
  const answer = await ask(connection, { method: 'GET', path: '/v1/scopes', token }, 'the scopes')
  answer.list('scopes')
  return answer.raw() as ScopeList
}

function addressOf(given: string | URL): string {
  const url = URL.parse(String(given))
  if (url !== null && isSafe(url)) return url.href.replace(/\/+$/, '')
  throw new CredctlError('usage', 'this broker URL is not accepted', {
    hint: 'Use https://host, or http:// on a loopback address; without user, query or fragment.',
  })
}
