import { CredctlError, ERROR_CODES, type ErrorCode } from '../errors.ts'
import { JsonObject } from './json.ts'
import type { Answer } from './send.ts'

export interface Reason {
  readonly code: string
  readonly message: string
}

/** A broker's refusal in its own words, and the id under which its log knows the request. */
export class Refusal extends CredctlError {
  readonly reasons: readonly Reason[]
  readonly request: string | undefined
  readonly grant: string | undefined

  constructor(answer: JsonObject, status: number) {
    const reasons = answer.has('reasons') ? answer.list('reasons').map(reasonOf) : []
    super(codeOf(answer), messageOf(answer, status, reasons), hintOf(answer, status))
    this.name = 'Refusal'
    this.reasons = reasons
    this.request = answer.optionalText('request')
    this.grant = answer.optionalText('grant')
  }
}

export function refusalOf({ status, body }: Answer, url: URL): CredctlError {
  // What `fetch` makes of a redirect that it does not follow has the status 0.
  if (status === 0 || (status >= 300 && status < 400)) {
    const hint = 'Redirects are not followed with a token: name the address it leads to.'
    return new CredctlError('unavailable', `${url.origin} answered with a redirect`, { hint })
  }
  try {
    return new Refusal(JsonObject.parse(body, 'the refusal'), status)
  } catch {
    const hint = 'Is this the address of a broker?'
    return new CredctlError('unavailable', `${url.origin} answered ${status}`, { hint })
  }
}

/** How the message of a refusal with reasons begins. */
export const REFUSED = 'the broker refused'

function reasonOf(reason: JsonObject): Reason {
  return { code: reason.text('code'), message: reason.text('message') }
}

/** `/token` has codes of its own, and a newer broker may know more: what OAuth calls it remains. */
function codeOf(answer: JsonObject): ErrorCode {
  const code = answer.text('code')
  const known = ERROR_CODES.find((each) => each === code)
  const isNo = ['access_denied', 'expired_token'].includes(answer.optionalText('error') ?? '')
  return known ?? (isNo ? 'access_denied' : 'unavailable')
}

function messageOf(answer: JsonObject, status: number, reasons: readonly Reason[]): string {
  if (reasons.length > 0) {
    return `${REFUSED}: ${reasons.map(({ message }) => message).join('; ')}`
  }
  const detail = answer.optionalText('error_description') ?? answer.optionalText('detail')
  return detail ?? `${REFUSED}: ${answer.text('code')} (${status})`
}

function hintOf(answer: JsonObject, status: number): { hint?: string } {
  const hint = answer.optionalText('hint')
  if (hint !== undefined) return { hint }
  if (status < 500) return {}
  return { hint: "Try again later; the broker's log has the cause under this request." }
}
