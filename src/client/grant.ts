import { CredctlError } from '../errors.ts'
import { ask, type Connection, call } from './connection.ts'
import { deferralOf, type Pending, pollUntilDecided } from './deferral.ts'
import { JsonObject } from './json.ts'
import { refusalOf } from './refusal.ts'

/** What a caller asks for. */
export interface TaskRequest {
  readonly scope: string
  readonly environment: string
  /** What the task is for, in words, for the log and for whoever approves it. */
  readonly intent: string
  readonly parameters?: Readonly<Record<string, string>>
  /** The less trusted class to be treated as. */
  readonly callerClass?: LoweredClass
}

/** Classes that a caller may ask to be treated as: less trusted than its own. */
export type LoweredClass = 'agent' | 'local'

export interface GrantedTarget {
  readonly name: string
  readonly kind: string
  /** Of an AWS target: where its role is used. */
  readonly region: string | undefined
  /** What ending the grant reaches and what it does not. */
  readonly guarantees: readonly string[]
}

/** A grant in the hands of its caller. `token` is a secret. */
export interface HeldGrant {
  readonly id: string
  readonly token: string
  readonly expiresAt: Date
  readonly targets: readonly GrantedTarget[]
  readonly blastRadius: JsonObject
}

/** The identity token of the caller: asked for whenever one is needed, because they are short-lived. */
export type Identity = () => string | Promise<string>

export interface Waiting {
  /** Called once when somebody has to approve the request. */
  readonly onPending?: (pending: Pending) => void
  /** Ends the wait for an approval. */
  readonly signal?: AbortSignal
}

const EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange'
const JWT = 'urn:ietf:params:oauth:token-type:jwt'

/**
 * Exchanges an identity token and a task for a grant (RFC 8693, RFC 9396). A request that needs an
 * approval waits for it when `waiting` is given, and is refused otherwise.
 */
export async function requestGrant(
  connection: Connection,
  identity: Identity,
  { callerClass, parameters = {}, ...task }: TaskRequest,
  waiting?: Waiting,
): Promise<HeldGrant> {
  const { scope, environment, intent } = task
  const details = { type: 'credctl_task', scope, environment, intent, parameters }
  const form = {
    grant_type: EXCHANGE,
    subject_token: await identity(),
    subject_token_type: JWT,
    authorization_details: JSON.stringify([details]),
    ...(callerClass === undefined ? {} : { caller_class: callerClass }),
    ...(waiting === undefined ? {} : { completion_mode: 'deferred' }),
  }
  const answer = await call(connection, { method: 'POST', path: '/token', form })
  if (answer.status === 200) return heldGrant(JsonObject.parse(answer.body, 'the grant'))
  const deferral = waiting === undefined ? undefined : deferralOf(answer)
  if (deferral === undefined) throw refusalOf(answer, new URL(connection.broker))
  return heldGrant(
    await pollUntilDecided(connection, identity, deferral, waiting ?? {}, callerClass),
  )
}

function heldGrant(answer: JsonObject): HeldGrant {
  const [details = new JsonObject(undefined, 'the grant')] = answer.list('authorization_details')
  return {
    id: details.matching('grant', /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/),
    token: answer.matching('access_token', /^[A-Za-z0-9._~+/=-]{1,16384}$/),
    expiresAt: details.time('expires_at'),
    targets: details.object('targets').objects().map(grantedTarget),
    blastRadius: details.object('blast_radius'),
  }
}

/** Names become sections of files that know no quoting. */
function grantedTarget([name, target]: [string, JsonObject]): GrantedTarget {
  if (!/^[a-z][a-z0-9-]{0,62}$/.test(name)) {
    throw new CredctlError('unavailable', 'the grant names a target that cannot be one')
  }
  const kind = target.matching('kind', /^[a-z]{1,32}$/)
  const region = target.has('region') ? target.matching('region', /^[a-z0-9-]{1,32}$/) : undefined
  return {
    name,
    kind,
    region,
    guarantees: target.has('guarantees') ? target.texts('guarantees') : [],
  }
}

/** The credential of a target, in the target's own shape: a secret. */
export async function fetchCredential(
  connection: Connection,
  token: string,
  target: string,
): Promise<JsonObject> {
  const path = `/v1/credentials/${encodeURIComponent(target)}`
  const held = { kind: 'grant', value: token } as const
  return await ask(connection, { method: 'GET', path, token: held }, 'the credential')
}

export type GrantStatus = 'live' | 'ended' | 'expired'

/** What the broker's log knows of a grant now. */
export async function grantStatus(
  connection: Connection,
  token: string,
  id: string,
): Promise<GrantStatus> {
  const path = `/v1/grants/${encodeURIComponent(id)}`
  const held = { kind: 'grant', value: token } as const
  const answer = await ask(connection, { method: 'GET', path, token: held }, 'the grant')
  return answer.oneOf('status', ['live', 'ended', 'expired'])
}

/** What became of a target's credentials when the grant ended. */
export interface Revocation {
  readonly target: string
  readonly outcome: string
}

/** Ends a grant. An already ended one is no failure: that is what was wanted. */
export async function endGrant(
  connection: Connection,
  token: string,
  id: string,
): Promise<readonly Revocation[]> {
  const path = `/v1/grants/${encodeURIComponent(id)}`
  const held = { kind: 'grant', value: token } as const
  const answer = await call(connection, { method: 'DELETE', path, token: held })
  if (answer.status === 410) return []
  if (answer.status !== 200) throw refusalOf(answer, new URL(connection.broker))
  const revocations = JsonObject.parse(answer.body, 'the end of the grant').list('revocations')
  return revocations.map((each) => ({ target: each.text('target'), outcome: each.text('outcome') }))
}
