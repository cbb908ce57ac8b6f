import type { Check } from './check.ts'
import { EFFECT_CHECKS } from './effects.ts'
import { DELEGATION, GROUP_CHECKS } from './group.ts'
import { REACH_CHECKS } from './reach.ts'
import { SERVER_CHECKS } from './server.ts'

/** Every check, in the order in which `doctor` prints what they find. */
export const CHECKS: readonly Check[] = [
  ...GROUP_CHECKS,
  ...REACH_CHECKS,
  ...EFFECT_CHECKS,
  ...SERVER_CHECKS,
]

export { DELEGATION }
