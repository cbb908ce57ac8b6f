import { errors, type JWTPayload, jwtVerify } from 'jose'
import { digestBytes } from '../canonical.ts'
import type { Clock } from '../clock.ts'
import { CredctlError, type ErrorCode } from '../errors.ts'
import type { ResolveSecret } from '../secret/resolve.ts'
import { readActor } from './actor.ts'
import { createCallerIdentityVerifier } from './aws/caller-identity.ts'
import type { Caller, Claims } from './caller.ts'
import { flattenClaims } from './claims.ts'
import { classify } from './classify.ts'
import { discoverKeyUrl } from './discovery.ts'
import { downloadJson, type Fetch } from './download.ts'
import type { IssuerConfig } from './issuer.ts'
import { findIssuer, unknownIssuer } from './issuer-lookup.ts'
import { KeySet, type KeySetState, type KeySetTimes } from './key-set.ts'
import { reviewToken } from './kubernetes/token-review.ts'
import { checkTimes, requireClaims, requireSubject } from './payload.ts'
import { PRESETS } from './presets/kinds.ts'
import { MemoryReplayStore, type ReplayStore, spendToken } from './replay.ts'
import { parseToken, type UnverifiedToken } from './token.ts'

export interface VerifierOptions {
  readonly clock: Clock
  /** For tests; the runtime's own otherwise. */
  readonly fetch?: Fetch
  /** Limit of one key request, body included. */
  readonly timeoutMs?: number
  readonly times?: KeySetTimes
  /** Gives what an issuer's TokenReview needs; without it such tokens are refused. */
  readonly resolve?: ResolveSecret
  /** Remembers single-use tokens. This process's memory when absent: enough for one replica only. */
  readonly replay?: ReplayStore
}

export interface Use {
  /** The token asks for a grant: where its issuer's policy is `once`, it is spent by this call. */
  readonly spend?: boolean
}

export interface Verifier {
  /**
   * Who a bearer token speaks for. Errors: any `token_*`, `issuer_keys_unavailable` (try again),
   * `caller_unclassified`. No message holds the token or a claim's value.
   */
  verify(token: string, use?: Use): Promise<Caller>
  /**
   * Who signed an AWS request for us, where an issuer of kind `aws-signed` is configured; always
   * single use. Errors: as above, and `unavailable` when AWS does not answer.
   */
  verifyAwsRequest(signed: string): Promise<Caller>
  /** State of each issuer's keys by issuer name. Fetches nothing. */
  keys(): Readonly<Record<string, KeySetState>>
}

interface KnownIssuer {
  readonly name: string
  readonly config: IssuerConfig
  readonly keys: KeySet
  /** Whether the issuer still stands by a verified token, where it can be asked. */
  readonly review: (text: string, claims: Claims) => Promise<void>
}

/** A verifier for exactly these issuers. No issuers, no callers. */
export function createVerifier(
  issuers: Readonly<Record<string, IssuerConfig>>,
  options: VerifierOptions,
): Verifier {
  const entries = Object.entries(issuers)
  const replay = options.replay ?? new MemoryReplayStore(options.clock)
  const known = entries
    .filter(([, config]) => config.kind !== 'aws-signed')
    .map(
      ([name, config]): KnownIssuer => ({
        name,
        config,
        keys: keysOf(config, options),
        review: reviewOf(config, options),
      }),
    )
  const byUrl = new Map(known.map((issuer) => [issuer.config.issuer, issuer]))
  const [aws] = entries
    .filter(([, config]) => config.kind === 'aws-signed')
    .map(([name, config]) => createCallerIdentityVerifier(name, config, { ...options, replay }))
  return {
    verify: (token, use = {}) => verify(token, byUrl, { clock: options.clock, replay }, use),
    verifyAwsRequest: async (signed) => {
      if (aws === undefined) throw unknownIssuer()
      return await aws.verify(signed)
    },
    keys: () => Object.fromEntries(known.map(({ name, keys }) => [name, keys.state()])),
  }
}

function keysOf({ kind, issuer, jwks_url }: IssuerConfig, options: VerifierOptions): KeySet {
  const download = { fetch: options.fetch ?? fetch, timeoutMs: options.timeoutMs ?? 3000 }
  const { publishedKeys } = PRESETS[kind]
  const load = async () => {
    const url = jwks_url ?? (await discoverKeyUrl(issuer, download))
    const { body, servedAt } = await downloadJson(url, download)
    const keys = publishedKeys === undefined ? body['keys'] : publishedKeys(body['keys'])
    return { keys, servedAt }
  }
  return new KeySet(load, options.clock, options.times)
}

function reviewOf(
  { token_review: place, audience }: IssuerConfig,
  { resolve, timeoutMs = 3000 }: VerifierOptions,
): KnownIssuer['review'] {
  if (place === undefined) return async () => undefined
  return async (text, claims) =>
    await reviewToken(text, claims, place, { resolve, audience, timeoutMs })
}

/** What can refuse without a key comes first, so that a stranger's token never causes a request. */
async function verify(
  text: string,
  issuers: ReadonlyMap<string, KnownIssuer>,
  { clock, replay }: { readonly clock: Clock; readonly replay: ReplayStore },
  use: Use,
): Promise<Caller> {
  const token = parseToken(text)
  const issuer = findIssuer(token, issuers)
  checkHeader(token, issuer.config)
  checkAudience(token, issuer.config)
  requireSubject(token.payload)
  requireClaims(token.payload, issuer.config.required_claims)
  checkTimes(token.payload, issuer.config, clock)
  const payload = await verifySignature(token, issuer, clock)
  const caller = toCaller(text, payload, issuer)
  await issuer.review(text, caller.claims)
  if (use.spend && issuer.config.replay === 'once') await spendToken(payload, issuer, replay)
  return caller
}

const ORDINARY_TYPES = [undefined, 'jwt', 'jose']

function checkHeader({ header }: UnverifiedToken, config: IssuerConfig): void {
  if (!config.algorithms.some((algorithm) => algorithm === header.alg)) {
    throw new CredctlError(
      'token_algorithm_refused',
      'the token is signed with an algorithm that this issuer may not use',
      {
        hint: `Accepted: ${config.algorithms.join(', ')}.`,
      },
    )
  }
  const accepted = config.typ === undefined ? ORDINARY_TYPES : [mediaType(config.typ)]
  if (accepted.includes(mediaType(header.typ))) return
  throw new CredctlError(
    'token_type_refused',
    'the typ header says that the token is for something else',
    {
      hint: `Accepted: ${config.typ ?? 'JWT, JOSE or none'}.`,
    },
  )
}

/** RFC 7515 section 4.1.9: the prefix may be left out, case does not count. */
function mediaType(typ: string | undefined): string | undefined {
  return typ?.toLowerCase().replace(/^application\//, '')
}

/** Also a token for us and somebody else is refused: that somebody could hand it to us. */
function checkAudience({ payload }: UnverifiedToken, { audience }: IssuerConfig): void {
  const { aud } = payload
  if (aud === undefined) throw new CredctlError('token_claim_missing', 'the token has no aud claim')
  const named: unknown[] = Array.isArray(aud) ? aud : [aud]
  if (named.some((item) => typeof item !== 'string')) {
    throw new CredctlError(
      'token_claim_invalid',
      'the aud claim is not a string or list of strings',
    )
  }
  if (named.length > 0 && named.every((item) => audience.some((ours) => ours === item))) return
  throw new CredctlError('token_audience_mismatch', 'the token is not for this broker alone', {
    hint: `Request a token whose only audience is ${audience[0]}.`,
  })
}

async function verifySignature(
  { text }: UnverifiedToken,
  { config, keys }: KnownIssuer,
  clock: Clock,
): Promise<JWTPayload> {
  try {
    const { payload } = await jwtVerify(text, keys.find, {
      algorithms: [...config.algorithms],
      ...(config.kind === 'spiffe' ? {} : { issuer: config.issuer }),
      audience: [...config.audience],
      clockTolerance: config.clock_tolerance,
      currentDate: clock.now(),
      requiredClaims: ['sub', 'iat', 'exp'],
    })
    return payload
  } catch (error) {
    throw toRefusal(error)
  }
}

/**
 * jose repeats every check above on what it verified. Its words are for the operator's log, its
 * error is not: that one carries the whole payload.
 */
function toRefusal(error: unknown): CredctlError {
  if (error instanceof CredctlError) return error
  const cause = error instanceof Error ? error.message : undefined
  return new CredctlError(codeOf(error), 'the token did not verify', { cause })
}

function codeOf(error: unknown): ErrorCode {
  if (error instanceof errors.JWTExpired) return 'token_expired'
  if (error instanceof errors.JWTClaimValidationFailed) return 'token_claim_invalid'
  return 'token_signature_invalid'
}

function toCaller(text: string, payload: JWTPayload, issuer: KnownIssuer): Caller {
  const preset = PRESETS[issuer.config.kind]
  const claims = flattenClaims(payload, preset)
  const actor = readActor(payload['act'])
  return Object.freeze({
    ...classify(issuer.config.callers, claims, preset),
    issuer: issuer.name,
    subject: requireSubject(payload),
    claims,
    ...(actor === undefined ? {} : { actor }),
    token: digestBytes(Buffer.from(text)),
  })
}
