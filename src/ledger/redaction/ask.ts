import type { PersonalKind } from '../../config/privacy.ts'
import type { Ask, Redaction } from '../../decision/evaluate.ts'
import { type Redacted, redactText } from './redaction.ts'

/** An entry has room for some; what they say is in the text again, at its place. */
const MAX_NAMED = 50

/**
 * A request as it may be recorded, shown and decided about: nothing after this sees what a caller
 * pasted by accident. Personal data is looked for in the intent alone, since parameters and names
 * have to match what a scope declares.
 */
export function redactAsk(ask: Ask, personal: readonly PersonalKind[]): Ask {
  const redacted: Redaction[] = []
  const kept = (at: string, { text, types }: Redacted) => {
    redacted.push(...types.map((type) => ({ at, type })))
    return text
  }
  const scope = kept('scope', redactText(ask.scope))
  const environment = kept('environment', redactText(ask.environment))
  const intent = kept('intent', redactText(ask.intent, personal))
  const parameters = Object.entries(ask.parameters).map(([name, value]) => {
    const shown = kept('parameters', redactText(name))
    return [shown, kept(`parameters.${shown}`, redactText(value))]
  })
  if (redacted.length === 0) return ask
  const named = redacted.slice(0, MAX_NAMED)
  const filled = { parameters: Object.fromEntries(parameters), redacted: named }
  return { ...ask, scope, environment, intent, ...filled }
}
