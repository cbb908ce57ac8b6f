import type { Claims } from '../caller.ts'
import { OIDC, type Preset, textOf } from './preset.ts'

/** AWS nests its claims under this name, so flattened they start with it and one more slash. */
const OURS = 'https://sts.amazonaws.com//'
const PRINCIPAL = /^arn:aws(?:-cn|-us-gov)?:(?:iam|sts)::([0-9]{12}):/

/**
 * Tokens of `sts:GetWebIdentityToken`. The issuer is one per account; `request_tags` are whatever
 * the caller asked for and prove nothing.
 * Source: IAM user guide, id_roles_providers_outbound_token_claims.
 */
export const AWS: Preset = {
  ...OIDC,
  classes: ['agent', 'workload', 'ci'],
  algorithms: ['ES384', 'RS256'],
  maxLifetime: 300,
  anchors: ['sub'],
  lists: [],
  chosenByAsker: (claim) => claim.startsWith(`${OURS}request_tags/`),
  breach,
}

function breach(claims: Claims): string | undefined {
  const account = PRINCIPAL.exec(textOf(claims, 'sub'))?.[1]
  if (account === undefined) return 'sub is not the ARN of an AWS principal'
  if (textOf(claims, `${OURS}aws_account`) !== account) {
    return 'sub and aws_account are of different accounts'
  }
  return undefined
}
