import { spawn } from 'node:child_process'
import {
  authorizationCodeGrant,
  buildAuthorizationUrl,
  calculatePKCECodeChallenge,
  randomNonce,
  randomPKCECodeVerifier,
  randomState,
} from 'openid-client'
import { answered, loginParameters, requireIdToken, requirePage } from '../../identity/openid.ts'
import { listenForAnswer } from './loopback.ts'
import { discoverProvider, type Question } from './provider.ts'

export interface BrowserSignIn {
  /** Port for the provider's answer; 0 for any free one. */
  readonly port: number
  readonly timeoutMs: number
  /** Shows a person the address to sign in at. */
  readonly show: (address: string) => void
}

/**
 * Authorization code with PKCE and a loopback redirect (RFC 7636, RFC 8252): gives the ID token.
 * Errors: `usage`, `access_denied`, `unavailable`.
 */
export async function signInWithBrowser(
  question: Question,
  { port, timeoutMs, show }: BrowserSignIn,
): Promise<string> {
  const provider = await discoverProvider(question)
  const [state, nonce, verifier] = [randomState(), randomNonce(), randomPKCECodeVerifier()]
  const loopback = await listenForAnswer(state, { port, timeoutMs })
  try {
    const parameters = {
      ...loginParameters(question),
      redirect_uri: loopback.redirectUri,
      state,
      nonce,
      code_challenge: await calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
    }
    const address = await answered(() => buildAuthorizationUrl(provider, parameters))
    show(requirePage(address.href))
    const checks = {
      expectedState: state,
      expectedNonce: nonce,
      pkceCodeVerifier: verifier,
      ...(question.maxAge === undefined ? {} : { maxAge: question.maxAge }),
    }
    const answer = await loopback.answer
    return requireIdToken(await answered(() => authorizationCodeGrant(provider, answer, checks)))
  } finally {
    loopback.close()
  }
}

const OPENERS: Partial<Record<NodeJS.Platform, readonly [string, ...string[]]>> = {
  darwin: ['/usr/bin/open'],
  linux: ['xdg-open'],
  win32: ['rundll32', 'url.dll,FileProtocolHandler'],
}

/** Opens the person's browser, where that is possible: the address is on the terminal as well. */
export function openBrowser(address: string, env: NodeJS.ProcessEnv): void {
  const [command, ...args] = OPENERS[process.platform] ?? []
  if (command === undefined) return
  const child = spawn(command, [...args, address], { stdio: 'ignore', detached: true, env })
  child.on('error', () => undefined)
  child.unref()
}
