import type { Clock } from '../clock.ts'
import { isCredctlError } from '../errors.ts'
import type { ResolveSecret } from '../secret/resolve.ts'
import { discoverKeyUrl } from './discovery.ts'
import { type Download, downloadJson, type Fetch } from './download.ts'
import type { IssuerConfig } from './issuer.ts'
import { KeySet } from './key-set.ts'
import { reviewToken } from './kubernetes/token-review.ts'
import { PRESETS } from './presets/kinds.ts'
import { isObject } from './strict-json.ts'

/** What `credctl doctor` says of one issuer. */
export interface IssuerHealth {
  readonly issuer: string
  /** False when its tokens cannot be verified now. */
  readonly ok: boolean
  readonly problems: readonly string[]
  /** Where its keys are, when that could be found out. */
  readonly keysAt?: string
  readonly keys?: number
  /** Seconds its clock is ahead of ours. */
  readonly clockAhead?: number
}

export interface HealthOptions {
  readonly clock: Clock
  /** For tests; the runtime's own otherwise. */
  readonly fetch?: Fetch
  readonly timeoutMs?: number
  /** Gives what a TokenReview needs. */
  readonly resolve?: ResolveSecret
}

/** Asks every issuer for its keys, now and without any cache. Never throws for an issuer's sake. */
export async function checkIssuers(
  issuers: Readonly<Record<string, IssuerConfig>>,
  options: HealthOptions,
): Promise<readonly IssuerHealth[]> {
  const entries = Object.entries(issuers)
  return await Promise.all(entries.map(([name, config]) => checkIssuer(name, config, options)))
}

async function checkIssuer(
  issuer: string,
  config: IssuerConfig,
  options: HealthOptions,
): Promise<IssuerHealth> {
  if (config.kind === 'aws-signed') return { issuer, ok: true, problems: [] }
  try {
    return await askIssuer(issuer, config, options)
  } catch (error) {
    if (!isCredctlError(error)) throw error
    return { issuer, ok: false, problems: [withCause(error)] }
  }
}

async function askIssuer(
  issuer: string,
  config: IssuerConfig,
  options: HealthOptions,
): Promise<IssuerHealth> {
  const { clock, fetch: given, timeoutMs = 3000 } = options
  const download: Download = { fetch: given ?? fetch, timeoutMs }
  const keysAt = config.jwks_url ?? (await discoverKeyUrl(config.issuer, download))
  const { body, servedAt } = await downloadJson(keysAt, download)
  const { publishedKeys } = PRESETS[config.kind]
  const published = publishedKeys === undefined ? body['keys'] : publishedKeys(body['keys'])
  const keySet = new KeySet(async () => ({ keys: published, servedAt }), clock)
  await keySet.load()
  const { keys, clockAhead } = keySet.state()
  const problems = [
    ...keyProblems(published, config),
    ...clockProblems(clockAhead, config),
    ...(await reviewProblems(config, options)),
  ]
  const clockSeen = clockAhead === undefined ? {} : { clockAhead }
  return { issuer, ok: problems.length === 0, problems, keysAt, keys, ...clockSeen }
}

/** What is no token must be refused, clearly: any other answer means that nobody can be asked. */
async function reviewProblems(
  { token_review: place, audience }: IssuerConfig,
  { resolve, timeoutMs = 3000 }: HealthOptions,
): Promise<string[]> {
  if (place === undefined) return []
  const refusal: unknown = await reviewToken('no-token', {}, place, {
    resolve,
    audience,
    timeoutMs,
  }).catch((error: unknown) => error)
  return isCredctlError(refusal, 'unavailable') ? [withCause(refusal)] : []
}

/** Kinds of key (RFC 7518 section 6.1) that each family of algorithms needs. */
function keyTypeOf(algorithm: string): string {
  if (algorithm.startsWith('ES')) return 'EC'
  return algorithm.startsWith('Ed') ? 'OKP' : 'RSA'
}

function keyProblems(published: unknown, { algorithms }: IssuerConfig): string[] {
  const keys = Array.isArray(published) ? published.filter(isObject) : []
  const wanted = new Set(algorithms.map(keyTypeOf))
  const problems: string[] = []
  if (!keys.some((key) => wanted.has(String(key['kty'])))) {
    problems.push(`no key fits the algorithms ${algorithms.join(', ')}`)
  }
  if (keys.some((key) => 'd' in key)) problems.push('a private key is published')
  const ids = keys.map((key) => key['kid'])
  if (new Set(ids).size !== ids.length) problems.push('two keys share one id and verify nothing')
  return problems
}

function clockProblems(ahead: number | undefined, { clock_tolerance }: IssuerConfig): string[] {
  if (ahead === undefined || Math.abs(ahead) <= clock_tolerance) return []
  const direction = ahead > 0 ? 'ahead of' : 'behind'
  return [`its clock is ${Math.abs(ahead)} s ${direction} ours; ${clock_tolerance} s are tolerated`]
}

/** For operators, who need to know what the network said: the whole chain of causes. */
function withCause(error: Error): string {
  return error.cause instanceof Error
    ? `${error.message}: ${withCause(error.cause)}`
    : error.message
}
