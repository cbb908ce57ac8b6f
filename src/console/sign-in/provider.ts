import {
  allowInsecureRequests,
  authorizationCodeGrant,
  buildAuthorizationUrl,
  type ClientAuth,
  ClientSecretBasic,
  ClientSecretPost,
  type Configuration,
  calculatePKCECodeChallenge,
  discovery,
  None,
  randomNonce,
  randomPKCECodeVerifier,
  randomState,
} from 'openid-client'
import {
  answered,
  type LoginWish,
  loginParameters,
  requireIdToken,
  requirePage,
} from '../../identity/openid.ts'
import type { SignInParts } from '../console.ts'

const TIMEOUT_S = 10
/** What the provider says of itself is read anew this often, and no oftener when it fails. */
const KEPT_MS = 10 * 60_000
const FAILED_MS = 5_000

/** What the browser brings back must fit to this. */
export interface Pending {
  readonly state: string
  readonly nonce: string
  readonly verifier: string
  readonly maxAge?: number
}

/** The identity provider, asked by authorization code with PKCE (RFC 6749, RFC 7636). */
export class Provider {
  readonly #parts: SignInParts
  readonly #redirect: string
  #found: { readonly configuration: Promise<Configuration>; until: number } | undefined

  constructor(parts: SignInParts, redirect: string) {
    this.#parts = parts
    this.#redirect = redirect
  }

  /** Where to send a person who wants to sign in. Error: `unavailable`. */
  async begin(wish: LoginWish): Promise<{ address: string; pending: Pending }> {
    const configuration = await this.#configuration()
    const [state, nonce, verifier] = [randomState(), randomNonce(), randomPKCECodeVerifier()]
    const { scope, ...wishes } = loginParameters(wish)
    const parameters = {
      ...wishes,
      scope: [scope, ...this.#parts.config.scopes].join(' '),
      redirect_uri: this.#redirect,
      state,
      nonce,
      code_challenge: await calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
    }
    const address = await answered(() => buildAuthorizationUrl(configuration, parameters))
    const { maxAge } = wish
    const pending = { state, nonce, verifier, ...(maxAge === undefined ? {} : { maxAge }) }
    return { address: requirePage(address.href), pending }
  }

  /** The ID token for an answer, as yet unverified. Errors: `access_denied`, `unavailable`. */
  async finish(query: string, { state, nonce, verifier, maxAge }: Pending): Promise<string> {
    const configuration = await this.#configuration()
    const answer = new URL(`${this.#redirect}${query}`)
    const checks = {
      expectedState: state,
      expectedNonce: nonce,
      pkceCodeVerifier: verifier,
      ...(maxAge === undefined ? {} : { maxAge }),
    }
    const tokens = await answered(() => authorizationCodeGrant(configuration, answer, checks))
    return requireIdToken(tokens)
  }

  /** One request for everybody who waits, and none for a while after a failure. */
  #configuration(): Promise<Configuration> {
    if (this.#found !== undefined && this.#found.until > performance.now()) {
      return this.#found.configuration
    }
    const configuration = answered(() => this.#discover())
    const found = { configuration, until: performance.now() + KEPT_MS }
    this.#found = found
    configuration.catch(() => {
      found.until = performance.now() + FAILED_MS
    })
    return configuration
  }

  async #discover(): Promise<Configuration> {
    const { config, issuer, clientSecret } = this.#parts
    const secret = await clientSecret()
    const auth = secret === undefined ? None() : secretAuth(secret.reveal())
    const url = new URL(issuer.issuer)
    const execute = url.protocol === 'http:' ? [allowInsecureRequests] : []
    return await discovery(url, config.client_id, undefined, auth, { execute, timeout: TIMEOUT_S })
  }
}

/** As the provider prefers: `client_secret_basic` is what it takes unless it says otherwise. */
function secretAuth(secret: string): ClientAuth {
  return (server, ...rest) => {
    const methods = server.token_endpoint_auth_methods_supported ?? ['client_secret_basic']
    const auth = methods.includes('client_secret_basic') ? ClientSecretBasic : ClientSecretPost
    return auth(secret)(server, ...rest)
  }
}
