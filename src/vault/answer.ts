import { z } from 'zod'
import { CredctlError } from '../errors.ts'
import { NotVault } from './transport.ts'

/** Vault's answer to one request, whatever it says. */
export interface Answer {
  readonly status: number
  readonly body: unknown
}

const errorBody = z.object({ errors: z.array(z.string()) })

/** Vault's own words about a failure, without control characters and cut short; may be empty. */
export function errorsOf({ body }: Answer): readonly string[] {
  const parsed = errorBody.safeParse(body)
  const texts = parsed.success ? parsed.data.errors : []
  return texts.slice(0, 3).map((text) => text.replace(/\p{Cc}+/gu, ' ').slice(0, 300))
}

/** Statuses that say "not now": sealed, standby, over a quota, an upstream that is not there. */
const PASSING = new Set([412, 429, 502, 503])

export function isPassing({ status }: Answer): boolean {
  return PASSING.has(status)
}

const MEANING: Readonly<Record<number, string>> = {
  400: 'it does not accept the request',
  403: 'it denies permission to the broker',
  404: 'there is nothing at that path',
  405: 'that path does not support the operation',
  412: 'a standby has not caught up',
  429: 'a quota is used up',
  472: 'it is a disaster-recovery standby',
  473: 'it is a performance standby',
  500: 'it failed',
  501: 'it is not initialised',
  502: 'its upstream failed',
  503: 'it is sealed, or in maintenance',
}

const HINTS: Readonly<Record<number, string>> = {
  403: 'compare the policy of the broker with docs/vault.md',
  404: 'compare mount and name with `vault secrets list`',
  503: 'unseal it',
}

/** Failures of Vault itself are `target_unavailable`; what an operator must change, `target_refused`. */
export function answerFailure(answer: Answer, doing: string): CredctlError {
  const { status } = answer
  if (status >= 300 && status < 400) {
    const message = `${doing}: Vault sends us elsewhere (${status}), which is never followed`
    const hint = 'name the active node, or a load balancer in front of it, as vault.address'
    return new CredctlError('target_refused', message, { hint })
  }
  const said = errorsOf(answer).map((text) => `: ${text}`)
  const meaning = MEANING[status] ?? 'it gives an answer of no known meaning'
  const message = `${doing}: Vault answers ${status}, ${meaning}${said.join('')}`
  const code = status >= 500 || isPassing(answer) ? 'target_unavailable' : 'target_refused'
  const hint = HINTS[status]
  return new CredctlError(code, message, hint === undefined ? {} : { hint })
}

const CERTIFICATE = /CERT|SELF_SIGNED|UNABLE_TO_(VERIFY|GET)|ERR_TLS|ERR_SSL/

/** No answer at all, or none of Vault's. The error's own text holds addresses only. */
export function wireFailure(error: unknown, doing: string): CredctlError {
  if (error instanceof NotVault) {
    const hint = 'look at what vault.address names: a proxy or another service may be in front'
    return new CredctlError('target_refused', `${doing}: Vault gives ${error.message}`, { hint })
  }
  const code = codeOf(error)
  if (CERTIFICATE.test(code)) {
    const message = `${doing}: the certificate of Vault is not accepted (${code})`
    const hint = 'set vault.ca to the authority that signed it, and vault.address to its name'
    return new CredctlError('target_refused', message, { hint })
  }
  const reason = isTimeout(error) ? 'it does not answer in time' : `it cannot be reached (${code})`
  return new CredctlError('target_unavailable', `${doing}: Vault: ${reason}`)
}

/** The connection failed, so that trying again can help; an answer of no sense comes again. */
export function isConnectionFailure(error: unknown): boolean {
  return !(error instanceof NotVault) && !CERTIFICATE.test(codeOf(error))
}

function isTimeout(error: unknown): boolean {
  return error instanceof Error && (error.name === 'TimeoutError' || error.name === 'AbortError')
}

function codeOf(error: unknown): string {
  if (error instanceof Error && 'code' in error && typeof error.code === 'string') return error.code
  return 'unknown'
}

/** What a success must look like; an error list with status 200 is no success. */
export function parseReply<T>(answer: Answer, schema: z.ZodType<T>, doing: string): T {
  if (answer.status !== 200) throw answerFailure(answer, doing)
  const parsed = schema.safeParse(answer.body)
  if (parsed.success && errorsOf(answer).length === 0) return parsed.data
  const [issue] = parsed.error?.issues ?? []
  const where = issue === undefined ? 'errors' : issue.path.join('.') || 'body'
  const message = `${doing}: Vault's answer is not what it should be (${where})`
  throw new CredctlError('target_refused', message)
}
