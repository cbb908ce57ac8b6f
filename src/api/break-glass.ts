import type { Ask } from '../decision/evaluate.ts'
import type { GrantAnswer } from '../lifecycle/granting.ts'
import type { ApiParts } from './parts.ts'

/** An emergency is loud: a metric and a warning, beside its entries in the log. */
export function announceEmergency(
  { metrics, logger }: ApiParts,
  request: string,
  { breakGlass, scope, environment }: Pick<Ask, 'breakGlass' | 'scope' | 'environment'>,
  answer: GrantAnswer,
): void {
  if (breakGlass !== true) return
  const { outcome } = answer
  metrics.breakGlass.inc({ outcome })
  const grant = idOf(answer)
  logger.warn(
    { request, grant, scope, environment, outcome },
    'break-glass: an emergency is claimed',
  )
}

function idOf(answer: GrantAnswer): string {
  if (answer.outcome === 'allow') return answer.grant.id
  return answer.outcome === 'deny' ? answer.id : answer.waiting.id
}
