import { createPublicKey, type KeyObject, sign } from 'node:crypto'
import { calculateJwkThumbprint, exportJWK, type JWK, jwtVerify } from 'jose'
import { z } from 'zod'
import { type Clock, isUlid } from '../clock.ts'
import { CredctlError, type ErrorCode } from '../errors.ts'
import { parsePrivateKey } from '../secret/private-key.ts'
import { Secret } from '../secret/secret.ts'
import { actorSchema } from './actor.ts'
import type { Actor } from './caller.ts'
import { checkTimes } from './payload.ts'
import { parseToken } from './token.ts'

const ALGORITHM = 'EdDSA'
const TYPE = 'at+jwt'
const LIMITS = { max_lifetime: 3600, clock_tolerance: 5 }

const claimsSchema = z.strictObject({
  iss: z.string(),
  aud: z.string(),
  sub: z.string().min(1),
  client_id: z.string().min(1),
  iat: z.int(),
  exp: z.int(),
  jti: z.string().refine(isUlid),
  scope: z.string().min(1),
  environment: z.string().min(1),
  plan: z.string().regex(/^sha256:[0-9a-f]{64}$/),
  act: actorSchema.optional(),
  cnf: z.strictObject({ jkt: z.string().regex(/^[A-Za-z0-9_-]{43}$/) }).optional(),
})

/** What a grant token says. It names a grant; what the grant permits is the ledger's to know. */
export interface GrantClaims {
  readonly grant: string
  /** The caller's `sub` and the name of its issuer in `credctl.yaml`. */
  readonly subject: string
  readonly client: string
  readonly scope: string
  readonly environment: string
  /** Digest of the plan that was decided on. */
  readonly plan: string
  readonly issuedAt: Date
  readonly expiresAt: Date
  readonly actor?: Actor
  /** RFC 7638 thumbprint of the key that must prove possession on each use (RFC 9449). */
  readonly thumbprint?: string
}

export interface GrantTokens {
  issue(claims: GrantClaims): string
  /** The claims of a token this broker signed. Errors: any `token_*`. */
  verify(token: string): Promise<GrantClaims>
  /** Public keys, newest first: the body of `/.well-known/jwks.json`. */
  readonly jwks: { readonly keys: readonly JWK[] }
}

export interface GrantTokenOptions {
  /** The broker's public base URL: issuer and only audience of its tokens. */
  readonly url: string
  /** PKCS #8 PEM of Ed25519 keys. The first signs; the others still verify, for rotation. */
  readonly keys: readonly [string, ...string[]]
  readonly clock: Clock
}

/** Signs and reads the broker's own RFC 9068 access tokens. */
export async function createGrantTokens(options: GrantTokenOptions): Promise<GrantTokens> {
  const keys = await Promise.all(options.keys.map(readKey))
  const byId = new Map(keys.map((key) => [key.id, key.public]))
  const signer = keys[0]
  if (signer === undefined) throw new CredctlError('config_invalid', 'no key for grant tokens')
  return {
    issue: (claims) => issue(claims, signer, options.url),
    verify: (token) => verify(token, byId, options),
    jwks: { keys: keys.map((key) => key.jwk) },
  }
}

interface SigningKey {
  readonly id: string
  readonly private: KeyObject
  readonly public: KeyObject
  readonly jwk: JWK
}

async function readKey(pem: string): Promise<SigningKey> {
  const key = parsePrivateKey(new Secret(pem), 'the key for grant tokens')
  const publicKey = createPublicKey(key)
  const jwk = await exportJWK(publicKey)
  const id = await calculateJwkThumbprint(jwk)
  return {
    id,
    private: key,
    public: publicKey,
    jwk: { ...jwk, kid: id, alg: ALGORITHM, use: 'sig' },
  }
}

/** A compact JWS (RFC 7515 section 7.1) by Ed25519 (RFC 8037 section 3.1). */
function issue(claims: GrantClaims, key: SigningKey, url: string): string {
  const { actor, thumbprint } = claims
  const payload = {
    iss: url,
    aud: url,
    sub: claims.subject,
    client_id: claims.client,
    iat: Math.floor(claims.issuedAt.getTime() / 1000),
    exp: Math.floor(claims.expiresAt.getTime() / 1000),
    jti: claims.grant,
    scope: claims.scope,
    environment: claims.environment,
    plan: claims.plan,
    ...(actor === undefined ? {} : { act: actor }),
    ...(thumbprint === undefined ? {} : { cnf: { jkt: thumbprint } }),
  }
  const signed = `${encode({ alg: ALGORITHM, typ: TYPE, kid: key.id })}.${encode(payload)}`
  // Not by WebCrypto: its way through a thread takes four times as long as the signature.
  return `${signed}.${sign(null, Buffer.from(signed), key.private).toString('base64url')}`
}

function encode(part: object): string {
  return Buffer.from(JSON.stringify(part)).toString('base64url')
}

async function verify(
  text: string,
  keys: ReadonlyMap<string, KeyObject>,
  { url, clock }: GrantTokenOptions,
): Promise<GrantClaims> {
  const { header, payload } = parseToken(text)
  if (header.typ !== TYPE) throw refused('token_type_refused', 'the token is not a grant token')
  if (header.alg !== ALGORITHM) throw refused('token_algorithm_refused', 'grant tokens use EdDSA')
  if (payload['iss'] !== url) throw refused('token_issuer_unknown', 'this broker did not issue it')
  if (payload['aud'] !== url) throw refused('token_audience_mismatch', 'it is not for this broker')
  checkTimes(payload, LIMITS, clock)
  const key = keys.get(header.kid ?? '')
  if (key === undefined) throw refused('token_signature_invalid', 'no key of this broker signed it')
  const verified = await jwtVerify(text, key, {
    algorithms: [ALGORITHM],
    currentDate: clock.now(),
    clockTolerance: LIMITS.clock_tolerance,
  }).catch(() => {
    throw refused('token_signature_invalid', 'the grant token did not verify')
  })
  return toClaims(claimsSchema.safeParse(verified.payload))
}

function refused(code: ErrorCode, message: string): CredctlError {
  return new CredctlError(code, message)
}

function toClaims(parsed: z.ZodSafeParseResult<z.infer<typeof claimsSchema>>): GrantClaims {
  if (!parsed.success)
    throw new CredctlError('token_claim_invalid', 'the grant token is incomplete')
  const { data } = parsed
  return {
    grant: data.jti,
    subject: data.sub,
    client: data.client_id,
    scope: data.scope,
    environment: data.environment,
    plan: data.plan,
    issuedAt: new Date(data.iat * 1000),
    expiresAt: new Date(data.exp * 1000),
    ...(data.act === undefined ? {} : { actor: data.act }),
    ...(data.cnf === undefined ? {} : { thumbprint: data.cnf.jkt }),
  }
}
