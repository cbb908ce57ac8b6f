import { AGENT_PLATFORM } from './agent-platform.ts'
import { AWS } from './aws.ts'
import { AWS_SIGNED } from './aws-signed.ts'
import { GITHUB } from './github.ts'
import { GITLAB } from './gitlab.ts'
import { KUBERNETES } from './kubernetes.ts'
import { OIDC } from './preset.ts'
import { SPIFFE } from './spiffe.ts'

/** What `kind` of an issuer in `credctl.yaml` may say. */
export const PRESETS = {
  oidc: OIDC,
  github: GITHUB,
  gitlab: GITLAB,
  kubernetes: KUBERNETES,
  spiffe: SPIFFE,
  aws: AWS,
  'aws-signed': AWS_SIGNED,
  'agent-platform': AGENT_PLATFORM,
} as const

export type IssuerKind = keyof typeof PRESETS
export const ISSUER_KINDS = Object.keys(PRESETS) as [IssuerKind, ...IssuerKind[]]
