import { z } from 'zod'
import type { Problem } from '../document/diagnostic.ts'
import { fields, refuse } from '../document/fields.ts'
import { duration } from '../document/text.ts'
import { ALGORITHMS, type Algorithm } from './algorithms.ts'
import { type CallerRule, callerRule, claimName } from './caller-rule.ts'
import { exactText, exactUrl, isExactUrl } from './exact-url.ts'
import { tokenReview } from './kubernetes/token-review.ts'
import { AWS_SIGNED_ISSUER } from './presets/aws-signed.ts'
import { ISSUER_KINDS, type IssuerKind, PRESETS } from './presets/kinds.ts'
import type { Preset, ReplayPolicy } from './presets/preset.ts'
import { isTrustDomain } from './presets/spiffe.ts'

const MAX_LIFETIME = 86_400

const issuerFields = fields({
  kind: z
    .enum(ISSUER_KINDS)
    .default('oidc')
    .meta({ description: 'What issues the tokens; each kind has its own traps, all refused.' }),
  issuer: exactText((text) => isExactUrl(text) || isTrustDomain(text)).meta({
    description: 'Exactly the iss claim of its tokens.',
  }),
  jwks_url: exactUrl
    .optional()
    .meta({ description: 'Where its keys are; OpenID discovery of the issuer when absent.' }),
  audience: z
    .union([z.string().min(1).max(512), z.array(z.string().min(1).max(512)).min(1).max(10)])
    .transform((value): readonly string[] => (typeof value === 'string' ? [value] : value))
    .meta({
      description: 'Audiences that are this broker. A token for anyone else too is refused.',
    }),
  algorithms: z.array(z.enum(ALGORITHMS)).min(1).optional().meta({
    description:
      'Signature algorithms that its tokens may use; the usual ones of its kind when absent.',
  }),
  typ: z
    .string()
    .min(1)
    .max(64)
    .optional()
    .meta({ description: 'Required typ header; JWT, JOSE or none when absent.' }),
  max_lifetime: duration({ min: 60, max: MAX_LIFETIME }).optional().meta({
    description: 'Longest accepted time between iat and exp; as its kind needs when absent.',
  }),
  clock_tolerance: duration({ min: 1, max: 120 })
    .default(30)
    .meta({ description: 'How far its clock may differ from ours.' }),
  required_claims: z
    .array(claimName)
    .max(50)
    .default([])
    .meta({ description: 'Claims every token must carry, besides sub, iat and exp.' }),
  token_review: tokenReview.optional().meta({
    description:
      'Asks the cluster about each token after its signature; only with kind kubernetes.',
  }),
  replay: z
    .enum(['once', 'allowed'])
    .optional()
    .meta({ description: 'Whether one token may ask for several grants; once needs a jti claim.' }),
  callers: z
    .array(callerRule)
    .min(1, 'no callers: tokens of this issuer would all be refused')
    .max(200)
    .meta({ description: 'What claims make of a caller; the least trusted match wins.' }),
})

type Entry = z.output<typeof issuerFields>

/** An issuer whose every choice is made. */
export type IssuerConfig = Omit<Entry, 'algorithms'> & {
  readonly kind: IssuerKind
  readonly algorithms: readonly Algorithm[]
  readonly max_lifetime: number
  readonly replay: ReplayPolicy
}

/** One issuer in `credctl.yaml`: whose tokens are believed, and what their claims make of a caller. */
export const issuerSchema = issuerFields
  .superRefine((entry, context) => {
    checkSpiffe(entry, context)
    checkAwsSigned(entry, context)
    checkTokenReview(entry, context)
    for (const [index, rule] of entry.callers.entries()) {
      checkRule(rule, PRESETS[entry.kind], entry.kind, problem(context, index))
    }
  })
  .transform((entry): IssuerConfig => {
    const preset = PRESETS[entry.kind]
    return {
      ...entry,
      algorithms: entry.algorithms ?? preset.algorithms,
      max_lifetime: entry.max_lifetime ?? preset.maxLifetime,
      replay: entry.replay ?? preset.replay,
    }
  })

type Report = (key: 'class' | 'claims', message: string, expected: string) => void

function problem(context: z.core.$RefinementCtx, index: number): Report {
  return (key, message, expected) =>
    refuse(context, message, { path: ['callers', index, key], expected })
}

/** A trust domain is not a place on the web, so its keys need one of their own. */
function checkSpiffe(entry: Entry, context: z.core.$RefinementCtx): void {
  const domain = isTrustDomain(entry.issuer)
  if (domain !== (entry.kind === 'spiffe')) {
    const expected = domain ? 'kind: spiffe' : 'spiffe://trust-domain as issuer'
    refuse(context, `kind ${entry.kind} does not go with this issuer`, {
      path: ['issuer'],
      expected,
    })
  } else if (domain && entry.jwks_url === undefined) {
    const expected = 'the URL of the trust bundle'
    refuse(context, 'missing "jwks_url"', { path: ['jwks_url'], expected })
  }
}

/** The broker asks STS, which has neither keys nor an address of anyone's choosing. */
function checkAwsSigned({ kind, issuer, jwks_url }: Entry, context: z.core.$RefinementCtx): void {
  if (kind !== 'aws-signed') return
  if (issuer !== AWS_SIGNED_ISSUER) {
    const message = 'kind aws-signed has one issuer only'
    refuse(context, message, { path: ['issuer'], expected: AWS_SIGNED_ISSUER })
  }
  if (jwks_url !== undefined) {
    const message = 'kind aws-signed has no keys'
    refuse(context, message, { path: ['jwks_url'], expected: 'nothing' })
  }
}

/** Other issuers have no such endpoint, and what has it would learn their tokens. */
function checkTokenReview({ kind, token_review }: Entry, context: z.core.$RefinementCtx): void {
  if (token_review === undefined || kind === 'kubernetes') return
  const message = `kind ${kind} has no TokenReview`
  refuse(context, message, { path: ['token_review'], expected: 'nothing, or kind: kubernetes' })
}

/** Rules that would rest on something the kind of issuer does not vouch for. */
function checkRule(rule: CallerRule, preset: Preset, kind: IssuerKind, report: Report): void {
  const names = Object.keys(rule.claims)
  if (!preset.classes.includes(rule.class)) {
    const expected = preset.classes.join(' or ')
    report('class', `callers of kind ${kind} cannot be of class ${rule.class}`, expected)
  }
  if (preset.anchors.length > 0 && !preset.anchors.some((anchor) => names.includes(anchor))) {
    const expected = `at least one of ${preset.anchors.join(', ')}`
    report('claims', 'the rule names nobody by an id that cannot change hands', expected)
  }
  const chosen = names.find(preset.chosenByAsker)
  if (chosen !== undefined) {
    report('claims', `the asker chooses the value of ${chosen}`, 'a claim the issuer vouches for')
  }
}

/**
 * What no single issuer can see: two entries for one `iss` would make their order decide, and the
 * broker at `brokerUrl` as its own issuer would turn one grant into others.
 */
export function issuerProblems(
  issuers: Readonly<Record<string, IssuerConfig>>,
  brokerUrl: string,
): Problem[] {
  const seen = new Map<string, string>()
  return Object.entries(issuers).flatMap(([name, { issuer }]): Problem[] => {
    const path = [name, 'issuer']
    const other = seen.get(issuer)
    seen.set(issuer, other ?? name)
    if (issuer.replace(/\/$/, '') === brokerUrl.replace(/\/$/, '')) {
      return [
        { path, message: 'the broker itself is no issuer of callers', expected: 'another URL' },
      ]
    }
    if (other === undefined) return []
    const message = `issuer ${other} already has this URL`
    return [{ path, message, expected: 'one entry an issuer, with all its rules' }]
  })
}
