// The broker's API: docs/openapi.json. RFC 8693 token exchange with RFC 9396 details.
import { setTimeout as sleep } from 'node:timers/promises'
import { isProtected, readJson } from './http.js'
import { mask } from './runner.js'

const GRANT = 'urn:ietf:params:oauth:grant-type:'
const TOKEN_TYPE = 'urn:ietf:params:oauth:token-type:jwt'
const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'
const ID = /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/
const TOKEN = /^[A-Za-z0-9._~+/=-]{1,16384}$/

export function brokerUrl(text) {
  const url = URL.canParse(text) ? new URL(text) : undefined
  const isBare = url && `${url.username}${url.password}${url.search}${url.hash}` === ''
  if (url === undefined || !isBare || !isProtected(url)) {
    throw new Error('input broker: expected an https URL without user, query or fragment')
  }
  return url.href.replace(/\/+$/, '')
}

/**
 * Exchanges the job's identity and a task for a grant. Where somebody has to approve it, asks again
 * until they have, each time with a fresh identity token
 * (draft-ietf-oauth-deferred-token-response-01).
 */
export async function requestGrant(broker, task, { identity, waitMs, onPending }) {
  const form = {
    grant_type: `${GRANT}token-exchange`,
    subject_token: await identity(),
    subject_token_type: TOKEN_TYPE,
    authorization_details: JSON.stringify([{ type: 'credctl_task', ...task }]),
    ...(waitMs > 0 ? { completion_mode: 'deferred' } : {}),
  }
  const answer = await post(broker, form)
  if (answer.status === 200) return grantIn(answer.body)
  if (!isPending(answer)) throw refusal(answer)
  return grantIn(await approved(broker, answer.body, { identity, waitMs, onPending }))
}

async function approved(broker, deferral, { identity, waitMs, onPending }) {
  const code = text(deferral.deferral_code, TOKEN)
  mask(code)
  const end = Date.now() + Math.min(waitMs, seconds(deferral.expires_in) * 1000)
  // The letters are what approvers see too: to tell this request from one that looks like it.
  const id = text(deferral.approval?.id, ID)
  const letters = text(deferral.approval?.binding_code, /^[\w-]{1,32}$/)
  onPending({ id, letters, expiresAt: new Date(end).toISOString() })
  let pause = deferral.interval === undefined ? 5 : seconds(deferral.interval)
  while (Date.now() + pause * 1000 < end) {
    await sleep(pause * 1000)
    const answer = await post(broker, {
      grant_type: `${GRANT}deferred`,
      deferral_code: code,
      client_assertion_type: ASSERTION_TYPE,
      client_assertion: await identity(),
    })
    if (answer.status === 200) return answer.body
    // RFC 8628 §3.5: five seconds more, for good.
    if (answer.body?.error === 'slow_down') pause += 5
    else if (!isPending(answer) && answer.status < 500) throw refusal(answer)
  }
  throw new Error(`nobody approved request ${id} in time`)
}

function isPending({ status, body }) {
  return status === 400 && body?.error === 'authorization_pending'
}

export async function fetchCredential(broker, token, target) {
  const url = new URL(`${broker}/v1/credentials/${encodeURIComponent(target)}`)
  const answer = await readJson(url, { headers: { authorization: `Bearer ${token}` } })
  if (answer.status !== 200 || answer.body === undefined) throw refusal(answer)
  return answer.body
}

const ATTEMPTS = 4

/** Ends the grant; tries again for some seconds, because nothing comes after this. */
export async function endGrant(broker, id, token) {
  const url = new URL(`${broker}/v1/grants/${encodeURIComponent(id)}`)
  const options = { method: 'DELETE', headers: { authorization: `Bearer ${token}` } }
  for (let attempt = 1; ; attempt += 1) {
    const answer = await readJson(url, options).catch((error) => ({ status: 503, error }))
    if (answer.status === 410) return []
    if (answer.status === 200 && Array.isArray(answer.body?.revocations)) {
      return answer.body.revocations
    }
    if (answer.status < 500 || attempt === ATTEMPTS) throw answer.error ?? refusal(answer)
    await sleep(1000 * 2 ** (attempt - 1))
  }
}

async function post(broker, form) {
  return await readJson(new URL(`${broker}/token`), {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' },
    body: new URLSearchParams(form).toString(),
  })
}

function grantIn(body) {
  const [details] = Array.isArray(body?.authorization_details) ? body.authorization_details : []
  const targets = Object.entries(details?.targets ?? {}).map(([name, target]) => ({
    name: text(name, /^[a-z][a-z0-9-]{0,62}$/),
    kind: text(target?.kind, /^(?:aws|postgres)$/),
    region: target?.region === undefined ? '' : text(target.region, /^[a-z0-9-]{1,32}$/),
    guarantees: Array.isArray(target?.guarantees) ? target.guarantees.map(String) : [],
  }))
  return {
    token: text(body?.access_token, TOKEN),
    id: text(details?.grant, ID),
    plan: text(details?.plan, /^sha256:[0-9a-f]{64}$/),
    expiresAt: text(details?.expires_at, /^[0-9T:.Z-]{20,30}$/),
    blastRadius: details?.blast_radius ?? {},
    targets,
  }
}

function text(value, form) {
  if (typeof value === 'string' && form.test(value)) return value
  throw new Error('the broker answered something else than a grant; is this its address?')
}

function seconds(value) {
  if (Number.isInteger(value) && value >= 0) return value
  throw new Error('the broker named no usable number of seconds')
}

/** The broker's own words: reasons of a decision, or what is wrong with the request. */
function refusal({ status, body }) {
  const reasons = Array.isArray(body?.reasons) ? body.reasons : []
  const said = reasons.map(({ code, message }) => `${code}: ${message}`).join('; ')
  const detail = body?.error_description ?? body?.detail ?? body?.error
  if (said === '' && detail === undefined) {
    return new Error(`the broker answered ${status}; is this its address?`)
  }
  const request = body?.request === undefined ? '' : ` (request ${body.request})`
  return new Error(`refused: ${said === '' ? detail : said}${request}`)
}
