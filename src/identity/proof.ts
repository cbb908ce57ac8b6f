import { createHash, timingSafeEqual } from 'node:crypto'
import { calculateJwkThumbprint, compactVerify, EmbeddedJWK, type JWK } from 'jose'
import type { Clock } from '../clock.ts'
import { CredctlError, isCredctlError } from '../errors.ts'
import type { Algorithm } from './algorithms.ts'
import type { ProofNonces } from './nonce.ts'
import type { ReplayStore } from './replay.ts'
import { isObject } from './strict-json.ts'
import { parseToken, type UnverifiedToken } from './token.ts'

/** What `dpop_signing_alg_values_supported` of the discovery document lists. */
export const PROOF_ALGORITHMS = [
  'ES256',
  'ES384',
  'EdDSA',
  'Ed25519',
  'RS256',
  'PS256',
] as const satisfies Algorithm[]

/** Seconds a proof is good for, and by how much a client's clock may be ahead. */
const MAX_AGE = 60
const MAX_AHEAD = 10
const MAX_ID = 256

/** The request that a proof must be about. */
export interface ProvenRequest {
  /** The value of the one `DPoP` header; several headers are the caller's to refuse. */
  readonly proof: string
  readonly method: string
  /** Under the configured public base URL, never from the `Host` header. */
  readonly url: string
  /** The token that the request presents; the proof must name it (`ath`). */
  readonly accessToken?: string
  /** The key the token is bound to (`cnf.jkt`); the proof must be by it. */
  readonly thumbprint?: string
}

export interface ProofOptions {
  readonly clock: Clock
  readonly replay: ReplayStore
  /** When given, every proof must carry a nonce of these. */
  readonly nonces?: ProofNonces
}

export interface ProofVerifier {
  /**
   * The RFC 7638 thumbprint of the key that signed the proof: what `cnf.jkt` of a grant token
   * binds to. Each proof is good once. Errors: `proof_invalid`, `proof_nonce_required` (answer
   * with the header `DPoP-Nonce: nonce()`).
   */
  verify(request: ProvenRequest): Promise<string>
  /** The nonce to hand out, when nonces are in use. */
  nonce(): string | undefined
}

/** Checks proofs of possession, RFC 9449 section 4.3. */
export function createProofVerifier(options: ProofOptions): ProofVerifier {
  return {
    verify: (request) => verify(request, options),
    nonce: () => options.nonces?.current(),
  }
}

async function verify(request: ProvenRequest, options: ProofOptions): Promise<string> {
  const proof = parseProof(request.proof)
  checkHeader(proof)
  checkRequest(proof.payload, request)
  const iat = checkAge(proof.payload, options.clock)
  checkToken(proof.payload, request)
  const thumbprint = await verifySignature(proof)
  checkBinding(thumbprint, request.thumbprint)
  checkNonce(proof.payload, options.nonces)
  await spendProof(proof.payload, thumbprint, iat, options.replay)
  return thumbprint
}

function parseProof(text: string): UnverifiedToken {
  try {
    return parseToken(text, 'jwk')
  } catch (error) {
    if (!isCredctlError(error)) throw error
    throw invalid(error.message.replace('token', 'proof'))
  }
}

function checkHeader({ header, parameters }: UnverifiedToken): void {
  if (header.typ !== 'dpop+jwt') throw invalid('its typ is not dpop+jwt')
  if (!PROOF_ALGORITHMS.some((algorithm) => algorithm === header.alg)) {
    throw invalid(`its algorithm is not one of ${PROOF_ALGORITHMS.join(', ')}`)
  }
  const { jwk } = parameters
  if (!isObject(jwk)) throw invalid('it carries no jwk')
  // Whoever sends the private key has given it away; an oct key is private as a whole.
  if ('d' in jwk || 'k' in jwk || jwk['kty'] === 'oct') throw invalid('its jwk is not a public key')
}

function checkRequest({ htm, htu }: Payload, request: ProvenRequest): void {
  if (htm !== request.method) throw invalid('it is for another method')
  if (typeof htu !== 'string' || placeOf(htu) !== placeOf(request.url)) {
    throw invalid('it is for another URL')
  }
}

type Payload = UnverifiedToken['payload']

/** Query and fragment do not count, and both sides are normalised: RFC 9449 section 4.3, step 9. */
function placeOf(text: string): string | undefined {
  const url = URL.parse(text)
  return url === null ? undefined : `${url.protocol}//${url.host}${url.pathname}`
}

function checkAge({ iat }: Payload, clock: Clock): number {
  const now = clock.now().getTime() / 1000
  if (typeof iat !== 'number' || !Number.isFinite(iat)) throw invalid('it has no iat')
  if (iat > now + MAX_AHEAD || iat < now - MAX_AGE) {
    throw invalid(`its iat is not within the last ${MAX_AGE} s`)
  }
  return iat
}

function checkToken({ ath }: Payload, { accessToken }: ProvenRequest): void {
  if (accessToken === undefined) return
  const expected = createHash('sha256').update(accessToken).digest('base64url')
  if (typeof ath !== 'string' || !sameText(ath, expected)) throw invalid('it is for another token')
}

async function verifySignature({ text, parameters }: UnverifiedToken): Promise<string> {
  try {
    await compactVerify(text, EmbeddedJWK, { algorithms: [...PROOF_ALGORITHMS] })
    return await calculateJwkThumbprint(parameters['jwk'] as JWK)
  } catch (cause) {
    throw invalid('its signature is not by its jwk', cause)
  }
}

function checkBinding(thumbprint: string, bound: string | undefined): void {
  if (bound !== undefined && !sameText(thumbprint, bound)) {
    throw invalid('it is by another key than the token is bound to')
  }
}

function checkNonce({ nonce }: Payload, nonces: ProofNonces | undefined): void {
  if (nonces === undefined || (typeof nonce === 'string' && nonces.accepts(nonce))) return
  throw new CredctlError('proof_nonce_required', 'the DPoP proof carries no current nonce', {
    hint: 'Repeat the request with the nonce of the DPoP-Nonce header.',
  })
}

/** The id is remembered per key, so that nobody can spend the ids of others. */
async function spendProof({ jti }: Payload, key: string, iat: number, store: ReplayStore) {
  if (typeof jti !== 'string' || jti === '' || jti.length > MAX_ID) throw invalid('it has no jti')
  const until = new Date((iat + MAX_AGE + 1) * 1000)
  if (!(await store.firstUse({ owner: `dpop:${key}`, id: jti, until }))) {
    throw invalid('it was used before')
  }
}

function sameText(a: string, b: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(a), digest(b))
}

function invalid(problem: string, cause?: unknown): CredctlError {
  return new CredctlError('proof_invalid', `the DPoP proof is refused: ${problem}`, {
    hint: 'RFC 9449: one fresh proof for each request.',
    ...(cause === undefined ? {} : { cause }),
  })
}
