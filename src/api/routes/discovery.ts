import type { Context } from 'hono'
import { GRANT_TYPES, TASK_DETAILS_TYPE } from '../../contract.ts'
import { PROOF_ALGORITHMS } from '../../identity/proof.ts'
import type { ApiEnv, ApiParts } from '../parts.ts'

const CACHED = { 'cache-control': 'public, max-age=300' }

/** RFC 8414. `response_types_supported` is required there, also when there are none. */
export function authorizationServerMetadata({ url }: ApiParts) {
  const metadata = {
    issuer: url,
    token_endpoint: `${url}/token`,
    jwks_uri: `${url}/.well-known/jwks.json`,
    response_types_supported: [],
    grant_types_supported: Object.values(GRANT_TYPES),
    token_endpoint_auth_methods_supported: ['none'],
    authorization_details_types_supported: [TASK_DETAILS_TYPE],
    dpop_signing_alg_values_supported: PROOF_ALGORITHMS,
    service_documentation: `${url}/openapi.json`,
  }
  return (context: Context<ApiEnv>) => context.json(metadata, 200, CACHED)
}

/** The keys that grant tokens are signed with. */
export function keySet({ grantTokens }: ApiParts) {
  return (context: Context<ApiEnv>) => context.json(grantTokens.jwks, 200, CACHED)
}
