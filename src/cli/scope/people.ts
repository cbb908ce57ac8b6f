import { needsText } from '../../decision/approval.ts'
import { thresholdsOf } from '../../decision/thresholds.ts'
import type { CallerClass } from '../../identity/caller.ts'
import type { PlannedFromFiles } from './planned.ts'

/** For each class of callers that the scope names, whom the broker would ask first, or what it says. */
export function peopleLines(planned: PlannedFromFiles, now: Date): string[] {
  const classes = [...new Set(planned.scope.allow.map((rule) => rule.caller))]
  return classes.flatMap((each) => lineFor(planned, each, now) ?? [])
}

function lineFor(
  { scope, environment, plan, policy }: PlannedFromFiles,
  callerClass: CallerClass,
  now: Date,
): string | undefined {
  const nobody = { issuer: '', subject: '', claims: {}, roles: [], token: '' }
  const caller = { ...nobody, class: callerClass }
  const about = { caller, scope, environment, plan, policy, now }
  const { refusals, requirement } = thresholdsOf(about)
  const refused = refusals.map(({ message }) => message).join('; ')
  if (refused !== '') return `refused to class ${callerClass}: ${refused}`
  if (requirement === undefined) return undefined
  const { rules, needs } = requirement
  return `class ${callerClass} waits for ${needsText(needs)} (${rules.join(', ')})`
}
