import type { Claims } from '../caller.ts'
import { OIDC, type Preset, textOf } from './preset.ts'

const NAMESPACE = 'kubernetes.io/namespace'
const ACCOUNT = 'kubernetes.io/serviceaccount'

/**
 * Projected service account tokens. The uid is what survives a delete-and-recreate under the same
 * name; legacy tokens from a Secret have no `exp` and never come this far.
 */
export const KUBERNETES: Preset = {
  ...OIDC,
  classes: ['agent', 'workload', 'ci'],
  algorithms: ['RS256', 'ES256'],
  maxLifetime: 7200,
  anchors: [`${ACCOUNT}/uid`],
  lists: [],
  breach,
}

function breach(claims: Claims): string | undefined {
  const [namespace, name] = [textOf(claims, NAMESPACE), textOf(claims, `${ACCOUNT}/name`)]
  if (textOf(claims, 'sub') !== `system:serviceaccount:${namespace}:${name}`) {
    return 'sub is not the service account that the token describes'
  }
  return textOf(claims, `${ACCOUNT}/uid`) === '' ? 'the service account has no uid' : undefined
}
