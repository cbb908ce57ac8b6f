import { request as httpRequest, type IncomingMessage } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { z } from 'zod'
import { fields } from '../../document/fields.ts'
import { CredctlError } from '../../errors.ts'
import { secretReference } from '../../secret/reference.ts'
import type { ResolveSecret } from '../../secret/resolve.ts'
import type { Claims } from '../caller.ts'
import { readBounded } from '../download.ts'
import { exactUrl } from '../exact-url.ts'
import { parseStrictObject } from '../strict-json.ts'

/** Where the cluster answers whether a token is still good. */
export const tokenReview = fields({
  api_server: exactUrl.meta({ description: 'The API server of the cluster.' }),
  token: secretReference.meta({
    description: 'Token of a service account with the role system:auth-delegator.',
  }),
  ca: secretReference.optional().meta({
    description:
      'Certificates (PEM) that sign the API server’s own; what Node.js trusts otherwise.',
  }),
})
export type TokenReview = z.output<typeof tokenReview>

export interface ReviewParts {
  /** Without it nobody can ask, and every token is refused. */
  readonly resolve: ResolveSecret | undefined
  readonly audience: readonly string[]
  /** For the whole exchange. */
  readonly timeoutMs: number
}

const PATH = '/apis/authentication.k8s.io/v1/tokenreviews'
const MAX_BYTES = 64 * 1024

/** The part of a TokenReview's `status` that says yes; anything else says no. */
const accepted = z.object({
  authenticated: z.literal(true),
  error: z.literal('').optional(),
  audiences: z.array(z.string()),
  user: z.object({ username: z.string(), uid: z.string() }),
})

/**
 * Asks the cluster whether it still accepts a token whose signature was verified already: it knows
 * of pods and accounts that were deleted, which no signature does. Errors: `token_revoked`; and
 * `unavailable` for every answer that is not a clear one, since a guess would be a yes.
 */
export async function reviewToken(
  text: string,
  claims: Claims,
  place: TokenReview,
  parts: ReviewParts,
): Promise<void> {
  const status = accepted.safeParse(await ask(text, place, parts))
  if (!status.success) {
    throw new CredctlError('token_revoked', 'the cluster no longer accepts the token', {
      hint: 'Its pod or service account was deleted, or it is for another cluster.',
    })
  }
  const { user, audiences } = status.data
  const isSame =
    user.username === claims['sub'] &&
    user.uid === claims['kubernetes.io/serviceaccount/uid'] &&
    // An API server that ignores audiences has judged the token as one for itself.
    audiences.some((audience) => parts.audience.includes(audience))
  if (!isSame) throw new CredctlError('token_revoked', 'the cluster knows the token as another')
}

async function ask(text: string, place: TokenReview, parts: ReviewParts): Promise<unknown> {
  try {
    const { resolve = unresolvable } = parts
    const token = await resolve(place.token)
    const ca = place.ca === undefined ? undefined : await resolve(place.ca)
    const body = JSON.stringify({
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenReview',
      spec: { token: text, audiences: parts.audience },
    })
    const url = new URL(`${place.api_server.replace(/\/$/, '')}${PATH}`)
    return await post(url, { body, token: token.reveal(), ca: ca?.reveal(), ...parts })
  } catch (cause) {
    throw new CredctlError('unavailable', 'the cluster did not say whether the token is good', {
      hint: 'Try again shortly.',
      cause,
    })
  }
}

async function unresolvable(reference: string): Promise<never> {
  throw new CredctlError('secret_unresolvable', `${reference} cannot be resolved here`)
}

interface Post {
  readonly body: string
  readonly token: string
  readonly ca: string | undefined
  readonly timeoutMs: number
}

/** Built on node:https, which takes authorities for one request; redirects are not followed. */
async function post(url: URL, { body, token, ca, timeoutMs }: Post): Promise<unknown> {
  const send = url.protocol === 'https:' ? httpsRequest : httpRequest
  const options = {
    method: 'POST',
    headers: {
      authorization: `Bearer ${token}`,
      'content-type': 'application/json',
      accept: 'application/json',
    },
    signal: AbortSignal.timeout(timeoutMs),
    ...(ca === undefined ? {} : { ca }),
  }
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    send(url, options, resolve).once('error', reject).end(body)
  })
  const bytes = await readBounded({ body: response }, MAX_BYTES)
  const { statusCode = 0 } = response
  if (statusCode !== 200 && statusCode !== 201) throw new Error(`answered ${statusCode}`)
  const { kind, status } = parseStrictObject(bytes, 'answer of the cluster')
  if (kind === 'TokenReview' && typeof status === 'object' && status !== null) return status
  throw new Error('the answer is not a TokenReview')
}
