import type { Context } from 'hono'
import { type Operation, requireEverything } from '../../access.ts'
import { isUlid } from '../../clock.ts'
import type { EraseAnswer, OpeningList } from '../../contract.ts'
import { CredctlError } from '../../errors.ts'
import type { Caller } from '../../identity/caller.ts'
import { requireStepUp } from '../../identity/step-up.ts'
import { entryCaller } from '../../ledger/record.ts'
import { eraseOf } from '../../lifecycle/erasing.ts'
import { authenticate } from '../authenticate.ts'
import type { ApiEnv, ApiParts } from '../parts.ts'

/** `GET /v1/grants/{id}/openings`: what proves the values that the log only commits to. */
export function listOpenings(parts: ApiParts) {
  return async (context: Context<ApiEnv>) => {
    const { id } = await permitted(parts, context, 'readOpenings')
    const found = (await parts.openings.of([id])).get(id) ?? []
    const body: OpeningList = {
      id,
      openings: found.map(({ at, commitment, salt, value }) => ({
        ...{ at, commitment, salt: salt.toString('base64') },
        value: typeof value === 'object' ? [...value] : value,
      })),
    }
    return context.json(body, 200)
  }
}

/** `DELETE /v1/grants/{id}/openings`: nobody reads these values again; the log stays as it is. */
export function eraseOpenings(parts: ApiParts) {
  return async (context: Context<ApiEnv>) => {
    const { id, caller } = await permitted(parts, context, 'eraseOpenings')
    const occasion = { request: context.get('request'), now: parts.clock.now() }
    const erased = await eraseOf(parts, occasion, id, entryCaller(caller))
    if (erased === undefined) {
      throw new CredctlError('request_invalid', 'the grant still needs what it was given', {
        hint: 'End the grant, or cancel the request for approval, and try again.',
      })
    }
    const body: EraseAnswer = { id, erased }
    return context.json(body, 200)
  }
}

/** Refusals have openings and no state: what is asked for is a place in the log, not a grant. */
async function permitted(
  parts: ApiParts,
  context: Context<ApiEnv>,
  operation: Operation,
): Promise<{ id: string; caller: Caller }> {
  const principal = await authenticate(parts, context, operation)
  requireEverything(operation, principal)
  if (principal.kind !== 'caller') throw new CredctlError('internal', 'a grant has no roles')
  const { caller } = principal
  requireStepUp(caller, parts.clock.now())
  const id = context.req.param('id') ?? ''
  if (isUlid(id)) return { id, caller }
  throw new CredctlError('grant_not_found', 'this is no id of a grant')
}
