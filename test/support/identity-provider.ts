import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { exportJWK, generateKeyPair } from 'jose'
import { type ClientMetadata, Provider } from 'oidc-provider'

/** A certified OpenID provider on a free loopback port, with people who sign in by name. */
export interface IdentityProvider {
  readonly url: string
  /** Requests for an authorization, as the provider read them. */
  readonly asked: Readonly<Record<string, unknown>>[]
  close(): Promise<void>
}

export const CLIENT_ID = 'credctl-cli'

const CLIENT: ClientMetadata = {
  client_id: CLIENT_ID,
  application_type: 'native',
  token_endpoint_auth_method: 'none',
  redirect_uris: ['http://127.0.0.1/callback'],
  response_types: ['code'],
  grant_types: ['authorization_code', 'urn:ietf:params:oauth:grant-type:device_code'],
  id_token_signed_response_alg: 'ES256',
}

export async function startIdentityProvider(
  options: {
    readonly idTokenSeconds?: number
    /** Clients besides the command line's. */
    readonly clients?: readonly ClientMetadata[]
    /** What an ID token says of a person whose client asks for the scope `groups`. */
    readonly groupsOf?: (name: string) => readonly string[]
  } = {},
): Promise<IdentityProvider> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const { privateKey } = await generateKeyPair('ES256', { extractable: true })
  const provider = new Provider(url, {
    clients: [CLIENT, ...(options.clients ?? [])],
    jwks: { keys: [{ ...(await exportJWK(privateKey)), alg: 'ES256', use: 'sig' }] },
    cookies: { keys: ['only for tests'] },
    features: { deviceFlow: { enabled: true }, devInteractions: { enabled: true } },
    claims: { acr: null, auth_time: null, sid: null, openid: ['sub'], groups: ['groups'] },
    conformIdTokenClaims: false,
    acrValues: ['urn:test:mfa'],
    ttl: { IdToken: options.idTokenSeconds ?? 600, Session: 600, Grant: 600, Interaction: 600 },
    findAccount: (_context, id) => {
      const groups = options.groupsOf === undefined ? {} : { groups: options.groupsOf(id) }
      return { accountId: id, claims: () => ({ sub: id, ...groups }) }
    },
  })
  const asked: Record<string, unknown>[] = []
  provider.on('authorization.success', ({ oidc }) => asked.push({ ...oidc.params }))
  provider.use(async (context, next) => {
    await next()
    // Five seconds between polls are the default; the shortest interval there is keeps tests fast.
    if (context.path === '/device/auth' && context.status === 200) {
      context.body = { ...Object(context.body), interval: 1 }
    }
  })
  server.on('request', provider.callback())
  return {
    url,
    asked,
    close: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
