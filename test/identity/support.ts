import { isCredctlError } from '../../src/errors.ts'
import { type IssuerConfig, issuerSchema } from '../../src/identity/issuer.ts'

export const NOW = new Date('2026-11-20T12:00:00Z')
export const AUDIENCE = 'https://broker.test'

/** A parsed issuer entry as `credctl.yaml` would give it. */
export function issuerConfig(issuer: string, over: Record<string, unknown>): IssuerConfig {
  return issuerSchema.parse({
    issuer,
    audience: AUDIENCE,
    callers: [{ class: 'ci', claims: { repository_id: '81234567' } }],
    ...over,
  })
}

/** Claims that `issuerConfig` accepts at `NOW`. */
export function goodClaims(issuer: string): Record<string, unknown> {
  const iat = NOW.getTime() / 1000 - 10
  return {
    iss: issuer,
    aud: AUDIENCE,
    sub: 'repo:acme/web',
    iat,
    exp: iat + 300,
    jti: 'c1f0',
    repository_id: '81234567',
  }
}

/** The code a promise is refused with; anything else fails the test by its text. */
export async function refusal(attempt: Promise<unknown>): Promise<string> {
  return attempt.then(
    () => 'accepted',
    (error: unknown) => (isCredctlError(error) ? error.code : `not ours: ${String(error)}`),
  )
}
