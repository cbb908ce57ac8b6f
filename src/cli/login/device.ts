import { initiateDeviceAuthorization, pollDeviceAuthorizationGrant } from 'openid-client'
import { answered, loginParameters, requireIdToken, requirePage } from '../../identity/openid.ts'
import { discoverProvider, type Question } from './provider.ts'

/**
 * Device authorization (RFC 8628), for a machine without a browser: gives the ID token. `show`
 * tells a person where to enter which code. Errors: `usage`, `access_denied`, `unavailable`.
 */
export async function signInWithDevice(
  question: Question,
  show: (address: string, code: string) => void,
): Promise<string> {
  const provider = await discoverProvider(question)
  const started = await answered(() =>
    initiateDeviceAuthorization(provider, loginParameters(question)),
  )
  show(requirePage(started.verification_uri), started.user_code)
  return requireIdToken(await answered(() => pollDeviceAuthorizationGrant(provider, started)))
}
