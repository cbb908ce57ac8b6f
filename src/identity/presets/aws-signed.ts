import { OIDC, type Preset } from './preset.ts'

/**
 * Signed `GetCallerIdentity` requests instead of tokens: see `identity/aws`. Rules rest on the
 * account and the role's id together.
 */
export const AWS_SIGNED: Preset = {
  ...OIDC,
  classes: ['agent', 'workload', 'ci'],
  replay: 'once',
  anchors: ['role_id'],
  lists: [],
}

/** The only issuer such an entry can name. */
export const AWS_SIGNED_ISSUER = 'https://sts.amazonaws.com'
