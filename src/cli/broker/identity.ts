import { readFile } from 'node:fs/promises'
import { isProtected } from '../../client/address.ts'
import { JsonObject } from '../../client/json.ts'
import { CredctlError } from '../../errors.ts'
import type { Cli } from '../cli.ts'
import type { BrokerFlag } from '../flags.ts'
import { send } from './request.ts'

/** As much as a header of the broker holds. */
const MAX_BYTES = 16 * 1024

/**
 * The caller's identity token: a file that the platform keeps fresh, GitHub Actions' own, or what
 * `credctl login` kept for this broker. Never an argument: arguments are visible to every process of
 * the machine.
 */
export async function identityToken(
  { process: { env } }: Cli,
  flags: BrokerFlag,
  broker: string,
): Promise<string> {
  const file = flags.identityTokenFile ?? env['CREDCTL_IDENTITY_TOKEN_FILE']
  if (file !== undefined && file !== '') return await readToken(file)
  const { ACTIONS_ID_TOKEN_REQUEST_URL: url, ACTIONS_ID_TOKEN_REQUEST_TOKEN: token } = env
  if (url && token) return await actionsToken(url, token, broker)
  const { keptToken } = await import('../login/sign-in.ts')
  const kept = await keptToken(env, broker)
  if (kept !== undefined) return kept
  throw new CredctlError('usage', 'there is no identity token', {
    hint: 'Sign in with credctl login, give --identity-token-file FILE, or set CREDCTL_IDENTITY_TOKEN_FILE; in GitHub Actions, set permissions: id-token: write.',
  })
}

export async function readToken(file: string): Promise<string> {
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unreadable'
    throw new CredctlError('usage', `${file} cannot be read (${code})`, { cause })
  }
  return checked(text.trim(), file)
}

/** A token is one word; a file with anything else in it is the wrong file. */
function checked(token: string, where: string): string {
  if (token.length <= MAX_BYTES && /^[A-Za-z0-9._~+/=-]+$/.test(token)) return token
  throw new CredctlError('token_malformed', `${where} does not hold a token`)
}

/** GitHub's own way to an OpenID Connect token of a job, for the audience that we name. */
async function actionsToken(address: string, bearer: string, audience: string): Promise<string> {
  const url = URL.canParse(address) ? new URL(address) : undefined
  if (url === undefined || !isProtected(url)) {
    throw new CredctlError('usage', 'ACTIONS_ID_TOKEN_REQUEST_URL is not an https URL')
  }
  url.searchParams.set('audience', audience)
  const headers = { authorization: `Bearer ${bearer}`, accept: 'application/json' }
  const { status, body } = await send({ method: 'GET', url, headers })
  if (status !== 200) {
    throw new CredctlError('unavailable', `GitHub Actions gave no identity token (${status})`)
  }
  return checked(JsonObject.parse(body, 'the token answer').text('value'), 'GitHub Actions')
}
