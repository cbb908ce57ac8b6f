import { digestBytes } from '../../canonical.ts'
import type { Clock } from '../../clock.ts'
import { CredctlError } from '../../errors.ts'
import type { Caller, Claims } from '../caller.ts'
import { classify } from '../classify.ts'
import { type Fetch, readBounded } from '../download.ts'
import type { IssuerConfig } from '../issuer.ts'
import { PRESETS } from '../presets/kinds.ts'
import type { ReplayStore } from '../replay.ts'
import { BODY, CONTENT_TYPE, parseSignedRequest, type SignedRequest } from './signed-request.ts'

const MAX_ANSWER_BYTES = 8 * 1024

export interface CallerIdentityOptions {
  readonly clock: Clock
  readonly replay: ReplayStore
  /** For tests; the runtime's own otherwise. */
  readonly fetch?: Fetch
  readonly timeoutMs?: number
}

export interface CallerIdentityVerifier {
  /**
   * Who signed a `GetCallerIdentity` request for us. Errors: any `token_*`, `unavailable` (STS did
   * not answer), `caller_unclassified`.
   */
  verify(signed: string): Promise<Caller>
}

/**
 * AWS workloads that cannot get a JWT (`sts:GetWebIdentityToken`) sign a request that the broker
 * then makes itself. Costs one STS call of the caller's account each time, so prefer the JWT.
 */
export function createCallerIdentityVerifier(
  name: string,
  config: IssuerConfig,
  options: CallerIdentityOptions,
): CallerIdentityVerifier {
  return { verify: (signed) => verify(signed, name, config, options) }
}

async function verify(
  text: string,
  name: string,
  config: IssuerConfig,
  options: CallerIdentityOptions,
): Promise<Caller> {
  const signed = parseSignedRequest(text, options.clock)
  const claims = toClaims(await ask(signed, config, options))
  const classified = classify(config.callers, claims, PRESETS[config.kind])
  const use = { owner: `issuer:${name}`, id: signed.signature, until: signed.until }
  if (!(await options.replay.firstUse(use))) {
    throw new CredctlError('token_replayed', 'the signed request was used before', {
      hint: 'Sign a new one for each grant.',
    })
  }
  const token = digestBytes(Buffer.from(text))
  return Object.freeze({
    ...classified,
    issuer: name,
    subject: String(claims['sub']),
    claims,
    token,
  })
}

/** The one request, word for word; STS checks that the signature is over it and our audience. */
async function ask(
  { region, authorization, date, securityToken }: SignedRequest,
  { audience }: IssuerConfig,
  options: CallerIdentityOptions,
): Promise<string> {
  const response = await send(options, `https://sts.${region}.amazonaws.com/`, {
    accept: 'text/xml',
    authorization,
    'content-type': CONTENT_TYPE,
    'x-amz-date': date,
    'x-credctl-audience': audience[0] ?? '',
    ...(securityToken === undefined ? {} : { 'x-amz-security-token': securityToken }),
  })
  const type = response.headers.get('content-type')?.split(';')[0]
  if (response.status === 200 && type === 'text/xml') return await readAnswer(response)
  await response.body?.cancel()
  if (response.status >= 500 || response.status === 429) throw unavailable()
  throw new CredctlError('token_signature_invalid', 'AWS STS does not accept the signed request', {
    hint: 'Sign for this broker as audience, with credentials that are still valid.',
  })
}

async function send(
  options: CallerIdentityOptions,
  url: string,
  headers: Record<string, string>,
): Promise<Response> {
  try {
    return await (options.fetch ?? fetch)(url, {
      method: 'POST',
      headers,
      body: BODY,
      redirect: 'manual',
      signal: AbortSignal.timeout(options.timeoutMs ?? 3000),
    })
  } catch (cause) {
    throw unavailable(cause)
  }
}

async function readAnswer(response: Response): Promise<string> {
  try {
    return (await readBounded(response, MAX_ANSWER_BYTES)).toString('utf8')
  } catch (cause) {
    throw unavailable(cause)
  }
}

/** The whole answer or nothing: one result, in this order, with no markup inside a value. */
const ANSWER =
  /^<GetCallerIdentityResponse xmlns="https:\/\/sts\.amazonaws\.com\/doc\/2011-06-15\/">\s*<GetCallerIdentityResult>\s*<Arn>([^<>&\s]{1,2048})<\/Arn>\s*<UserId>([A-Z0-9]{16,128}):([\w+=,.@-]{2,64})<\/UserId>\s*<Account>(\d{12})<\/Account>\s*<\/GetCallerIdentityResult>\s*<ResponseMetadata>\s*<RequestId>[0-9a-f-]{36}<\/RequestId>\s*<\/ResponseMetadata>\s*<\/GetCallerIdentityResponse>\s*$/

/**
 * Only roles: an assumed role's `UserId` is `AROA…:session`. The role's id survives neither
 * deletion nor re-creation, which its ARN does; the session name is the asker's choice and is
 * left out. The account is part of the subject (HCSEC-2025-30).
 */
function toClaims(answer: string): Claims {
  const [, arn, role, session, account] = ANSWER.exec(answer) ?? []
  const expected = `arn:aws:sts::${account}:assumed-role/`
  const isRole =
    role?.startsWith('AROA') && arn?.startsWith(expected) && arn.endsWith(`/${session}`)
  if (!isRole || arn === undefined || role === undefined || account === undefined) {
    throw new CredctlError('token_claim_invalid', 'the signed request is not by an assumed role', {
      hint: 'Users, root and federated sessions are not accepted.',
    })
  }
  const roleName = arn.slice(expected.length).split('/')[0] ?? ''
  return { sub: `${account}:${role}`, account, role_id: role, role_name: roleName }
}

function unavailable(cause?: unknown): CredctlError {
  return new CredctlError('unavailable', 'AWS STS did not answer', {
    hint: 'Try again shortly.',
    ...(cause === undefined ? {} : { cause }),
  })
}
