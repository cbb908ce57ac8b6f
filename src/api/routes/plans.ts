import type { Context } from 'hono'
import { planRequest } from '../../contract.ts'
import { CredctlError } from '../../errors.ts'
import { lowerClass } from '../../identity/delegation.ts'
import { authenticate } from '../authenticate.ts'
import { parseUnambiguous, readBody } from '../body.ts'
import { placeOf } from '../issue-place.ts'
import type { ApiEnv, ApiParts } from '../parts.ts'
import { identityKey } from '../rate-limits.ts'

/** `POST /v1/plans`: what a request would get. Nothing is minted and nothing recorded. */
export function planEndpoint(parts: ApiParts) {
  return async (context: Context<ApiEnv>) => {
    const principal = await authenticate(parts, context, 'plan')
    if (principal.kind !== 'caller') {
      throw new CredctlError('caller_not_permitted', 'plans are asked for with an identity token')
    }
    const { caller_class: lowerTo, break_glass: breakGlass, ...task } = await requestOf(context)
    const ask = { ...task, breakGlass: breakGlass === true }
    const { caller: asking } = principal
    const caller = lowerTo === undefined ? asking : lowerClass(asking, lowerTo)
    // Planning costs more than reading the answer: nobody asks without end for what they cannot have.
    const key = `plan ${identityKey(asking)}`
    await parts.limits.refusals.check(key)
    const { decision, disclosed, plan } = await parts.broker.plan(caller, ask)
    if (decision.outcome === 'deny') await parts.limits.refusals.spend(key)
    // A plan of a scope that the caller may not take is not the caller's to see.
    const shown = decision.outcome === 'deny' ? {} : { plan }
    const needs = decision.outcome === 'needs_approval' ? { needs: decision.unmet } : {}
    return context.json({ decision: decision.outcome, reasons: disclosed, ...needs, ...shown }, 200)
  }
}

async function requestOf(context: Context<ApiEnv>) {
  const json = parseUnambiguous(await readBody(context, 'application/json'))
  if (json === undefined) {
    throw new CredctlError('request_invalid', 'the body is not JSON, or says something twice')
  }
  const parsed = planRequest.safeParse(json)
  if (parsed.success) return parsed.data
  const where = placeOf(parsed.error)
  throw new CredctlError('request_invalid', `the task is not accepted${where && ` at ${where}`}`, {
    hint: 'Send scope, environment, intent and, if the scope has them, parameters; caller_class to be seen as less trusted.',
  })
}
