import { z } from 'zod'
import type { Problem } from '../document/diagnostic.ts'
import { fields, refuse } from '../document/fields.ts'
import { duration } from '../document/text.ts'
import { isLoopback } from '../environment/postgres-connection.ts'
import { CALLER_CLASSES, ROLES } from './caller.ts'

/**
 * Signatures anyone can check and only the issuer can make. `none` and the HMAC family have no
 * spelling here: a shared secret in the broker would let the broker forge its callers.
 */
export const ALGORITHMS = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
] as const
export type Algorithm = (typeof ALGORITHMS)[number]

const MAX_LIFETIME = 86_400

/** The exact text of a URL: any two spellings of one place are two texts, and one is refused. */
const exactUrl = z
  .string()
  .max(1024)
  .transform((text, context) => {
    if (isExactUrl(text)) return text
    context.addIssue({
      code: 'custom',
      message: 'not an accepted URL',
      params: {
        expected:
          'https://host/path in lower case without query, user or default port; http:// only on a loopback address',
      },
    })
    return z.NEVER
  })

const claimName = z.string().min(1).max(256)
const claimValue = z.union([z.string().max(512), z.number(), z.boolean()])

const callerRule = fields({
  class: z.enum(CALLER_CLASSES).meta({ description: 'Class of callers that this rule names.' }),
  claims: z
    .record(claimName, z.union([claimValue, z.array(claimValue).min(1).max(100)]))
    .default({})
    .meta({ description: 'Every listed claim must equal the value, or one of the values.' }),
  roles: z
    .array(z.enum(ROLES))
    .min(1)
    .optional()
    .meta({ description: 'Roles of a person; only with class human.' }),
}).superRefine((rule, context) => {
  if (rule.roles !== undefined && rule.class !== 'human') {
    const expected = 'no roles, or class human'
    refuse(context, `class ${rule.class} cannot hold roles`, { path: ['roles'], expected })
  }
  // The two classes that never reach production may be given to everyone an issuer knows.
  const harmless = rule.class === 'agent' || rule.class === 'local'
  if (!harmless && Object.keys(rule.claims).length === 0) {
    refuse(context, `class ${rule.class} for everyone this issuer knows`, {
      path: ['claims'],
      expected: 'at least one claim that says who',
    })
  }
})

/** One issuer in `credctl.yaml`: whose tokens are believed, and what their claims make of a caller. */
export const issuerSchema = fields({
  issuer: exactUrl.meta({ description: 'Exactly the iss claim of its tokens.' }),
  jwks_url: exactUrl
    .optional()
    .meta({ description: 'Where its keys are; OpenID discovery of the issuer when absent.' }),
  audience: z
    .union([z.string().min(1).max(512), z.array(z.string().min(1).max(512)).min(1).max(10)])
    .transform((value): readonly string[] => (typeof value === 'string' ? [value] : value))
    .meta({
      description: 'Audiences that are this broker. A token for anyone else too is refused.',
    }),
  algorithms: z
    .array(z.enum(ALGORITHMS))
    .min(1)
    .default(['RS256', 'ES256', 'EdDSA'])
    .meta({ description: 'Signature algorithms that its tokens may use.' }),
  typ: z
    .string()
    .min(1)
    .max(64)
    .optional()
    .meta({ description: 'Required typ header; JWT, JOSE or none when absent.' }),
  max_lifetime: duration({ min: 60, max: MAX_LIFETIME })
    .default(3600)
    .meta({ description: 'Longest accepted time between iat and exp.' }),
  clock_tolerance: duration({ min: 1, max: 120 })
    .default(30)
    .meta({ description: 'How far its clock may differ from ours.' }),
  required_claims: z
    .array(claimName)
    .max(50)
    .default([])
    .meta({ description: 'Claims every token must carry, besides sub, iat and exp.' }),
  callers: z
    .array(callerRule)
    .min(1, 'no callers: tokens of this issuer would all be refused')
    .max(200)
    .meta({ description: 'What claims make of a caller; the least trusted match wins.' }),
})

export type IssuerConfig = z.output<typeof issuerSchema>
export type CallerRule = IssuerConfig['callers'][number]

/** What no single issuer can see: two entries for one `iss` would make their order decide. */
export function issuerProblems(issuers: Readonly<Record<string, IssuerConfig>>): Problem[] {
  const seen = new Map<string, string>()
  return Object.entries(issuers).flatMap(([name, { issuer }]): Problem[] => {
    const other = seen.get(issuer)
    seen.set(issuer, other ?? name)
    if (other === undefined) return []
    const message = `issuer ${other} already has this URL`
    return [
      { path: [name, 'issuer'], message, expected: 'one entry an issuer, with all its rules' },
    ]
  })
}

/** True for the one normal spelling of an https URL, or of an http URL on a loopback address. */
export function isExactUrl(text: string): boolean {
  if (!URL.canParse(text)) return false
  const url = new URL(text)
  const normal = url.href === text || url.href === `${text}/`
  const bare = url.search === '' && url.hash === '' && url.username === '' && url.password === ''
  const protectedPath =
    url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url.hostname))
  return normal && bare && !/[?#]/.test(text) && protectedPath
}
