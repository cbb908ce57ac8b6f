import { z } from 'zod'
import type { Clock } from '../../clock.ts'
import { CredctlError } from '../../errors.ts'
import { parseStrictObject } from '../strict-json.ts'
import { REGIONS } from './regions.ts'

const MAX_BYTES = 8 * 1024
/** STS itself would accept a quarter of an hour. */
const MAX_SKEW_SECONDS = 60

/** What the client signed besides these is nothing the broker would send. */
export const SIGNED_HEADERS = ['content-type', 'host', 'x-amz-date', 'x-credctl-audience']
export const CONTENT_TYPE = 'application/x-www-form-urlencoded; charset=utf-8'
export const BODY = 'Action=GetCallerIdentity&Version=2011-06-15'

const signedSchema = z.strictObject({
  region: z.enum(REGIONS),
  authorization: z.string().max(2048),
  date: z.string().regex(/^\d{8}T\d{6}Z$/),
  security_token: z
    .string()
    .min(1)
    .max(6144)
    .regex(/^[A-Za-z0-9+/=]+$/)
    .optional(),
})

/**
 * A signature over the one request that the broker will make. The client gives four values and
 * no more: no URL, method, host, header or body of its own, which is how verifiers of this kind
 * were walked around (CVE-2020-16250).
 */
export interface SignedRequest {
  readonly region: (typeof REGIONS)[number]
  readonly authorization: string
  readonly date: string
  readonly securityToken: string | undefined
  /** Hex of the signature: unique to this request, so it serves as its single-use id. */
  readonly signature: string
  /** When the signature ceases to be accepted here. */
  readonly until: Date
}

/**
 * Reads base64url JSON `{ region, authorization, date, security_token? }`. Errors:
 * `token_malformed`, `token_expired`, `token_not_yet_valid`.
 */
export function parseSignedRequest(text: string, clock: Clock): SignedRequest {
  const bytes = Buffer.from(text, 'base64url')
  if (text.length > MAX_BYTES || bytes.toString('base64url') !== text) throw malformed()
  const parsed = signedSchema.safeParse(parseStrictObject(bytes, 'signed request'))
  if (!parsed.success) throw malformed()
  const { region, authorization, date, security_token: securityToken } = parsed.data
  const names = [
    ...SIGNED_HEADERS,
    ...(securityToken === undefined ? [] : ['x-amz-security-token']),
  ]
  const signature = signatureOf(authorization, {
    scope: `${date.slice(0, 8)}/${region}/sts/aws4_request`,
    headers: names.sort().join(';'),
  })
  return { region, authorization, date, securityToken, signature, until: checkDate(date, clock) }
}

/**
 * The `Authorization` header must be exactly of this form: one credential, scoped to the day, the
 * region and `sts`, over exactly our headers. A second field or another spelling is refused, not
 * interpreted (CVE-2022-2385).
 */
function signatureOf(
  authorization: string,
  wanted: { readonly scope: string; readonly headers: string },
): string {
  const match =
    /^AWS4-HMAC-SHA256 Credential=([A-Z0-9]{16,128})\/([0-9a-z/_-]+), SignedHeaders=([a-z0-9;-]+), Signature=([0-9a-f]{64})$/.exec(
      authorization,
    )
  const [, , scope, headers, signature] = match ?? []
  if (scope === wanted.scope && headers === wanted.headers && signature !== undefined) {
    return signature
  }
  throw malformed()
}

function checkDate(date: string, clock: Clock): Date {
  const [, year, month, day, hour, minute, second] =
    /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(date) ?? []
  const signed = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`)
  if (Number.isNaN(signed)) throw malformed()
  const age = (clock.now().getTime() - signed) / 1000
  if (age > MAX_SKEW_SECONDS) {
    throw new CredctlError('token_expired', 'the signed request is too old', {
      hint: `Sign it at most ${MAX_SKEW_SECONDS} s before use.`,
    })
  }
  if (age < -MAX_SKEW_SECONDS) {
    throw new CredctlError('token_not_yet_valid', 'the signed request is from the future')
  }
  return new Date(signed + (MAX_SKEW_SECONDS + 1) * 1000)
}

function malformed(): CredctlError {
  return new CredctlError('token_malformed', 'this is not a signed GetCallerIdentity request', {
    hint: `Expected base64url JSON of region, authorization, date and, for temporary credentials, security_token; signed headers exactly ${SIGNED_HEADERS.join(', ')} (and x-amz-security-token).`,
  })
}
