import { z } from 'zod'
import type { Problem } from '../document/diagnostic.ts'
import { fields } from '../document/fields.ts'
import { duration, slug } from '../document/text.ts'
import { secretReference } from '../secret/reference.ts'
import type { IssuerConfig } from './issuer.ts'

/** A scope value of OAuth (RFC 6749 section 3.3). */
const scopeValue = z
  .string()
  .max(128)
  .regex(/^[\x21\x23-\x5b\x5d-\x7e]+$/, 'not a scope value: no spaces, quotes or backslashes')

/** How people sign in at the broker itself: OpenID Connect, authorization code with PKCE. */
export const signIn = fields({
  issuer: slug.meta({ description: 'Name of the issuer, of kind oidc, where people sign in.' }),
  client_id: z
    .string()
    .min(1)
    .max(512)
    .meta({ description: 'Id of the console there; one of the audiences of that issuer.' }),
  client_secret: secretReference
    .optional()
    .meta({ description: 'Of a confidential client; PKCE alone when absent.' }),
  scopes: z
    .array(scopeValue)
    .max(10)
    .default([])
    .meta({ description: 'Asked for besides openid, where the claims of the rules need it.' }),
  session: duration({ min: 300, max: 43_200 })
    .default(3600)
    .meta({ description: 'How long somebody stays signed in.' }),
})
export type SignIn = z.output<typeof signIn>

/** What only the issuers can tell: without these, nobody could ever sign in. */
export function signInProblems(
  { issuer, client_id: id }: SignIn,
  issuers: Readonly<Record<string, IssuerConfig>>,
): Problem[] {
  const config = Object.hasOwn(issuers, issuer) ? issuers[issuer] : undefined
  if (config === undefined) {
    const expected = Object.keys(issuers).join(' or ') || 'an issuer of the section issuers'
    return [{ path: ['issuer'], message: `there is no issuer ${issuer}`, expected }]
  }
  if (config.kind !== 'oidc') {
    const message = `nobody signs in at an issuer of kind ${config.kind}`
    return [{ path: ['issuer'], message, expected: 'an issuer of kind oidc' }]
  }
  const problems: Problem[] = []
  if (!config.audience.includes(id)) {
    const message = `issuer ${issuer} does not accept tokens for this client`
    const expected = `${config.audience.join(' or ')}, or this id among the audiences of ${issuer}`
    problems.push({ path: ['client_id'], message, expected })
  }
  if (!config.callers.some(({ roles }) => roles !== undefined)) {
    const message = `no rule of issuer ${issuer} gives anybody a role`
    const expected = 'an issuer whose callers have roles'
    problems.push({ path: ['issuer'], message, expected })
  }
  return problems
}
