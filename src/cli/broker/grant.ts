import { CredctlError } from '../../errors.ts'
import { JsonObject } from './json.ts'
import { ask, refusalOf } from './refusal.ts'
import { send } from './request.ts'

/** What a caller asks for. */
export interface Task {
  readonly scope: string
  readonly environment: string
  readonly intent: string
  readonly parameters: Readonly<Record<string, string>>
}

export interface GrantedTarget {
  readonly name: string
  readonly kind: string
  readonly region: string | undefined
}

/** A grant in the hands of its caller. `token` is a secret. */
export interface HeldGrant {
  readonly id: string
  readonly token: string
  readonly expiresAt: Date
  readonly targets: readonly GrantedTarget[]
  readonly blastRadius: JsonObject
}

const FORM = 'application/x-www-form-urlencoded'
const EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange'
const JWT = 'urn:ietf:params:oauth:token-type:jwt'

/** Classes that a caller may ask to be treated as: less trusted than its own. */
export type LoweredClass = 'agent' | 'local'

/** Exchanges an identity token and a task for a grant (RFC 8693, RFC 9396). */
export async function requestGrant(
  broker: string,
  identity: string,
  task: Task,
  lowerTo?: LoweredClass,
): Promise<HeldGrant> {
  const body = new URLSearchParams({
    grant_type: EXCHANGE,
    subject_token: identity,
    subject_token_type: JWT,
    authorization_details: JSON.stringify([{ type: 'credctl_task', ...task }]),
    ...(lowerTo === undefined ? {} : { caller_class: lowerTo }),
  }).toString()
  const url = new URL(`${broker}/token`)
  const headers = { 'content-type': FORM, accept: 'application/json' }
  return heldGrant(await ask({ method: 'POST', url, headers, body }, 'the grant'))
}

function heldGrant(answer: JsonObject): HeldGrant {
  const [details = new JsonObject(undefined, 'the grant')] = answer.list('authorization_details')
  const expiresAt = new Date(details.text('expires_at'))
  if (Number.isNaN(expiresAt.getTime())) details.integer('expires_at')
  return {
    id: details.matching('grant', /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/),
    token: answer.matching('access_token', /^[A-Za-z0-9._~+/=-]{1,16384}$/),
    expiresAt,
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
  return { name, kind, region }
}

/** Where SDKs fetch the credential of a target themselves. */
export function credentialUrl(broker: string, target: string): URL {
  return new URL(`${broker}/v1/credentials/${encodeURIComponent(target)}`)
}

export async function fetchCredential(
  broker: string,
  token: string,
  target: string,
): Promise<JsonObject> {
  const url = credentialUrl(broker, target)
  return await ask({ method: 'GET', url, headers: bearer(token) }, 'the credential')
}

/** What became of a target's credentials when the grant ended. */
export interface Revocation {
  readonly target: string
  readonly outcome: string
}

/** Ends a grant. An already ended one is no failure: that is what was wanted. */
export async function endGrant(
  broker: string,
  token: string,
  id: string,
): Promise<readonly Revocation[]> {
  const url = new URL(`${broker}/v1/grants/${encodeURIComponent(id)}`)
  const answer = await send({ method: 'DELETE', url, headers: bearer(token) })
  if (answer.status === 410) return []
  if (answer.status !== 200) throw refusalOf(answer, url)
  const revocations = JsonObject.parse(answer.body, 'the end of the grant').list('revocations')
  return revocations.map((each) => ({ target: each.text('target'), outcome: each.text('outcome') }))
}

export function bearer(token: string): Record<string, string> {
  return { authorization: `Bearer ${token}`, accept: 'application/json' }
}
