import { requireEverything } from '../../access.ts'
import type { ConsoleContext, ConsoleParts } from '../console.ts'
import { healthState } from '../health-state.ts'
import { answerPage } from '../page.ts'
import { healthView } from '../views/health.ts'

/** `GET /console/health`: how the broker is, as the replica that answers sees it. */
export function healthPage(parts: ConsoleParts) {
  return async (context: ConsoleContext) => {
    requireEverything('readHealth', context.get('person').principal)
    return answerPage(parts, context, healthView(parts, await healthState(parts)))
  }
}
