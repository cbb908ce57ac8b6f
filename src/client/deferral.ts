import { CredctlError } from '../errors.ts'
import { type Connection, call } from './connection.ts'
import type { Identity, LoweredClass, Waiting } from './grant.ts'
import { JsonObject } from './json.ts'
import { refusalOf } from './refusal.ts'
import type { Answer } from './send.ts'

/** What a request waits for that somebody has to approve. */
export interface Pending {
  /** The id of the request, for `credctl approval` and the console. */
  readonly approval: string
  /** Letters that whoever approves sees as well: show them, so that both mean the same request. */
  readonly bindingCode: string
  /** Until when an approval is of any use. */
  readonly expiresAt: Date
}

/** draft-ietf-oauth-deferred-token-response-01. `code` is a secret. */
interface Deferral extends Pending {
  readonly code: string
  readonly intervalSeconds: number
}

const GRANT_TYPE = 'urn:ietf:params:oauth:grant-type:deferred'
const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

/** RFC 8628 §3.5, for a broker that names no interval and for one that is asked too often. */
const INTERVAL_SECONDS = 5

/** The deferral in an answer of `/token`; undefined when the answer is a refusal. */
export function deferralOf({ body, status }: Answer): Deferral | undefined {
  if (status !== 400) return undefined
  const answer = parsed(body)
  if (answer?.optionalText('error') !== 'authorization_pending') return undefined
  if (!answer.has('deferral_code')) return undefined
  const approval = answer.object('approval')
  return {
    code: answer.matching('deferral_code', /^[A-Za-z0-9._~-]{1,512}$/),
    approval: approval.matching('id', /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/),
    bindingCode: approval.text('binding_code'),
    expiresAt: new Date(Date.now() + answer.integer('expires_in') * 1000),
    intervalSeconds: answer.has('interval') ? answer.integer('interval') : INTERVAL_SECONDS,
  }
}

/**
 * Asks until the request is approved or refused. Each time with a fresh identity token, because the
 * one of the request may have expired meanwhile, and the code alone is nobody's.
 */
export async function pollUntilDecided(
  connection: Connection,
  identity: Identity,
  { code, intervalSeconds, ...pending }: Deferral,
  { onPending, signal }: Waiting,
  callerClass: LoweredClass | undefined,
): Promise<JsonObject> {
  onPending?.(pending)
  let pause = intervalSeconds
  while (Date.now() < pending.expiresAt.getTime()) {
    await sleep(pause * 1000, signal)
    const form = {
      grant_type: GRANT_TYPE,
      deferral_code: code,
      client_assertion_type: ASSERTION_TYPE,
      client_assertion: await identity(),
      ...(callerClass === undefined ? {} : { caller_class: callerClass }),
    }
    const answer = await call(connection, { method: 'POST', path: '/token', form })
    if (answer.status === 200) return JsonObject.parse(answer.body, 'the grant')
    const error = answer.status === 400 ? parsed(answer.body)?.optionalText('error') : undefined
    if (error === 'slow_down') pause += INTERVAL_SECONDS
    else if (error !== 'authorization_pending' && answer.status < 500) {
      throw refusalOf(answer, new URL(connection.broker))
    }
  }
  throw new CredctlError('access_denied', 'nobody approved the request in time')
}

function parsed(body: string): JsonObject | undefined {
  try {
    return JsonObject.parse(body, 'the answer')
  } catch {
    return undefined
  }
}

async function sleep(ms: number, signal: AbortSignal | undefined): Promise<void> {
  signal?.throwIfAborted()
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(done, ms)
    signal?.addEventListener('abort', aborted, { once: true })
    function done() {
      signal?.removeEventListener('abort', aborted)
      resolve()
    }
    function aborted() {
      clearTimeout(timer)
      reject(signal?.reason)
    }
  })
}
