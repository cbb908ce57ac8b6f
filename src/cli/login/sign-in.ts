import { CredctlError } from '../../errors.ts'
import { findToken, type KeptToken } from './store.ts'

/** Who signed in, as the kept token says. Not verified: that is the broker's to do. */
export interface SignIn extends KeptToken {
  readonly issuer: string
  readonly subject: string
  readonly expiresAt: Date
}

/** The sign-in that is kept for a broker, expired or not. Error: `token_malformed`. */
export async function keptSignIn(
  env: NodeJS.ProcessEnv,
  broker: string,
): Promise<SignIn | undefined> {
  const kept = await findToken(env, broker)
  return kept === undefined ? undefined : readSignIn(kept)
}

/** The token of somebody who signed in for this broker. Error: `token_expired`. */
export async function keptToken(
  env: NodeJS.ProcessEnv,
  broker: string,
): Promise<string | undefined> {
  const signIn = await keptSignIn(env, broker)
  if (signIn === undefined || signIn.expiresAt.getTime() > Date.now()) return signIn?.token
  const since = signIn.expiresAt.toISOString()
  throw new CredctlError('token_expired', `the sign-in for ${broker} expired at ${since}`, {
    hint: 'Sign in again: credctl login.',
  })
}

/** One word of three parts, as every JWT is: nothing else is ever kept or sent. */
const FORM = /^[\w-]+\.([\w-]+)\.[\w-]+$/

export function readSignIn(kept: KeptToken): SignIn {
  const [, payload = ''] = FORM.exec(kept.token) ?? []
  const { iss, sub, exp } = parsePayload(payload)
  if (typeof iss === 'string' && typeof sub === 'string' && typeof exp === 'number') {
    const expiresAt = new Date(exp * 1000)
    if (!Number.isNaN(expiresAt.getTime())) return { ...kept, issuer: iss, subject: sub, expiresAt }
  }
  throw new CredctlError(
    'token_malformed',
    'what is kept of the sign-in is not an identity token',
    {
      hint: 'Sign in again: credctl login.',
    },
  )
}

function parsePayload(part: string): Readonly<Record<string, unknown>> {
  try {
    return { ...JSON.parse(Buffer.from(part, 'base64url').toString('utf8')) }
  } catch {
    return {}
  }
}
