import { ask } from '../../client/connection.ts'
import { CredctlError } from '../../errors.ts'
import { forgetCredentials } from '../aws-credentials/place.ts'
import { brokerUrl } from '../broker/address.ts'
import { connectionTo } from '../broker/grant.ts'
import { type Cli, EXIT } from '../cli.ts'
import type { OutputFlag } from '../flags.ts'
import type { LoginOutput } from '../output/login.ts'
import { answer, note, printable } from '../terminal.ts'
import type { Question } from './provider.ts'
import { keptSignIn, readSignIn, type SignIn } from './sign-in.ts'
import { forgetToken, keepToken } from './store.ts'

export type LoginFlags = OutputFlag & {
  readonly broker?: string
  readonly issuer?: string
  readonly clientId?: string
  readonly device: boolean
  readonly port: number
  readonly maxAge?: number
  readonly acr?: string
  readonly scopes?: string
  readonly status: boolean
  readonly logout: boolean
}

/** As long as people take to find their second factor. */
const TIMEOUT_MS = 5 * 60_000

/** `credctl login`: signs a person in, says who is signed in, or forgets them. */
export default async function login(cli: Cli, flags: LoginFlags): Promise<number> {
  const broker = brokerUrl(cli, flags)
  const { env } = cli.process
  const chosen = [flags.status, flags.logout, flags.device].filter(Boolean).length
  if (chosen > 1)
    throw new CredctlError('usage', '--status, --logout and --device exclude each other')
  if (flags.status) return report(cli, flags, broker, await keptSignIn(env, broker))
  if (flags.logout) {
    await forgetToken(env, broker)
    await forgetCredentials(env)
    report(cli, flags, broker, undefined)
    return EXIT.ok
  }
  const token = await signIn(cli, flags)
  await requireAcceptance(broker, token)
  await forgetCredentials(env)
  const place = await keepToken(env, broker, token)
  return report(cli, flags, broker, readSignIn({ token, place }))
}

/** The flows are loaded when somebody signs in: no other command pays for them. */
async function signIn(cli: Cli, flags: LoginFlags): Promise<string> {
  const question = questionOf(cli, flags)
  if (flags.device) {
    const { signInWithDevice } = await import('./device.ts')
    return await signInWithDevice(question, (address, code) =>
      note(cli, `open ${address} on any machine and enter the code ${code}`),
    )
  }
  const { openBrowser, signInWithBrowser } = await import('./browser.ts')
  const show = (address: string) => {
    note(cli, `sign in at this address; on a machine without a browser use --device\n${address}`)
    if (cli.process.stderr.isTTY) openBrowser(address, cli.process.env)
  }
  return await signInWithBrowser(question, { port: flags.port, timeoutMs: TIMEOUT_MS, show })
}

function questionOf({ process: { env } }: Cli, flags: LoginFlags): Question {
  const issuer = flags.issuer ?? env['CREDCTL_LOGIN_ISSUER']
  const clientId = flags.clientId ?? env['CREDCTL_LOGIN_CLIENT_ID']
  if (!issuer || !clientId) {
    throw new CredctlError('usage', 'no identity provider is named', {
      hint: 'Give --issuer URL and --client-id ID, or set CREDCTL_LOGIN_ISSUER and CREDCTL_LOGIN_CLIENT_ID.',
    })
  }
  const { maxAge, acr, scopes = env['CREDCTL_LOGIN_SCOPES'] } = flags
  return {
    issuer,
    clientId,
    ...(maxAge === undefined ? {} : { maxAge }),
    ...(acr === undefined ? {} : { acr }),
    ...(scopes === undefined || scopes === '' ? {} : { scopes }),
  }
}

/** What the broker refuses now it refuses later: better heard here than from another command. */
async function requireAcceptance(broker: string, token: string): Promise<void> {
  const made = {
    method: 'GET',
    path: '/v1/scopes',
    token: { kind: 'identity', value: token },
  } as const
  await ask(connectionTo(broker), made, 'the list of scopes')
}

function report(cli: Cli, flags: OutputFlag, broker: string, found: SignIn | undefined): number {
  const value = toOutput(broker, found)
  answer(cli, flags, value, text)
  return value.signed_in ? EXIT.ok : EXIT.failed
}

function toOutput(broker: string, found: SignIn | undefined): LoginOutput {
  if (found === undefined) return { signed_in: false, broker }
  return {
    signed_in: found.expiresAt.getTime() > Date.now(),
    broker,
    issuer: found.issuer,
    subject: found.subject,
    expires_at: found.expiresAt.toISOString(),
    kept_in: found.place,
  }
}

function text(value: LoginOutput): string {
  const { broker, issuer, subject, expires_at: at, kept_in: place } = value
  if (at === undefined) return printable(`not signed in for ${broker}\n`)
  const until = value.signed_in ? `until ${at}` : `expired at ${at}: credctl login`
  return printable(`${subject} of ${issuer} for ${broker}\n  ${until}; kept in the ${place}\n`)
}
