import { OIDC, type Preset } from './preset.ts'

/**
 * Workload authorization grants of a hosted agent platform: one issuer per tenancy, `sub` opaque
 * and compared exactly, used once. Whatever runs there is an agent.
 * Source: draft-carleton-workload-authz-grant.
 */
export const AGENT_PLATFORM: Preset = {
  ...OIDC,
  classes: ['agent'],
  maxLifetime: 600,
  replay: 'once',
}
