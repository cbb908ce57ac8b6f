import { CredctlError } from '../errors.ts'
import { parseStrictObject } from './strict-json.ts'

/** Proxies commonly cap a header at 16 KiB; no issuer in use comes near it. */
const MAX_BYTES = 16 * 1024
const MAX_KEY_ID = 512

/**
 * Header parameters that would let a token choose its own key, its own meaning or another format.
 * RFC 7515 lets a verifier ignore some of them; refusing says that no part of the broker reads them.
 */
const REFUSED_HEADERS = ['jku', 'jwk', 'x5u', 'x5c', 'crit', 'b64', 'cty', 'enc', 'zip']

export interface TokenHeader {
  readonly alg: string
  readonly kid: string | undefined
  readonly typ: string | undefined
}

/** A token taken apart. Nothing in it is verified yet: it may only lead to a refusal. */
export interface UnverifiedToken {
  readonly text: string
  readonly header: TokenHeader
  /** The header as it came, for the few who need more of it. */
  readonly parameters: Readonly<Record<string, unknown>>
  readonly payload: Readonly<Record<string, unknown>>
}

/**
 * Takes a compact JWS (RFC 7515 section 7.1) apart, strictly: size, three parts, canonical
 * base64url, unambiguous JSON, and a header that brings no key of its own unless that is what it is
 * for (`brings`). Errors: `token_malformed`, `token_header_refused`; messages never quote the token.
 */
export function parseToken(text: string, brings?: 'jwk'): UnverifiedToken {
  const [header, payload, ...rest] = splitToken(text).map(decodePart)
  if (header === undefined || payload === undefined || rest.length !== 1) throw notCompact()
  const parameters = parseStrictObject(header, 'token header')
  return {
    text,
    header: toHeader(parameters, brings),
    parameters,
    payload: parseStrictObject(payload, 'token payload'),
  }
}

function toHeader(header: Record<string, unknown>, brings: string | undefined): TokenHeader {
  const refused = REFUSED_HEADERS.find((name) => name !== brings && Object.hasOwn(header, name))
  if (refused !== undefined) {
    throw new CredctlError('token_header_refused', `the token header carries ${refused}`, {
      hint: 'Keys come from the configured issuer only.',
    })
  }
  const { alg } = header
  if (typeof alg !== 'string') {
    throw new CredctlError('token_malformed', 'the token header has no algorithm')
  }
  return { alg, kid: text(header, 'kid'), typ: text(header, 'typ') }
}

function text(header: Record<string, unknown>, name: string): string | undefined {
  const value = header[name]
  if (value === undefined) return undefined
  if (typeof value === 'string' && value.length <= MAX_KEY_ID) return value
  throw new CredctlError('token_malformed', `the token header's ${name} is not a short string`)
}

function splitToken(token: string): string[] {
  if (token.length > MAX_BYTES) {
    throw new CredctlError('token_malformed', `the token is larger than ${MAX_BYTES / 1024} KiB`)
  }
  return token.split('.', 4)
}

/** One text for one value: padding, line breaks and stray bits at the end are refused. */
function decodePart(part: string): Buffer {
  const bytes = Buffer.from(part, 'base64url')
  if (part === '' || bytes.toString('base64url') !== part) throw notCompact()
  return bytes
}

function notCompact(): CredctlError {
  return new CredctlError('token_malformed', 'the token is not a signed JWT', {
    hint: 'Expected three base64url parts joined by dots, without padding.',
  })
}
