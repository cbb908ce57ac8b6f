import { z } from 'zod'
import { CredctlError } from '../errors.ts'
import type { Actor } from './caller.ts'

/** Longer chains say nothing more to a reader of the log. */
const MAX_DEPTH = 4
const text = z
  .string()
  .min(1)
  .max(1024)
  .regex(/^\P{Cc}*$/u)

/** The `act` claim: who acts, through whom. Other members of it carry no meaning here. */
export const actorSchema: z.ZodType<Actor> = z
  .object({ iss: text.optional(), sub: text, act: z.lazy(() => actorSchema).optional() })
  .transform(({ iss, sub, act }) => ({
    ...(iss === undefined ? {} : { iss }),
    sub,
    ...(act === undefined ? {} : { act }),
  }))

/** The actor a verified token names, if any. Error: `token_claim_invalid`. */
export function readActor(act: unknown): Actor | undefined {
  if (act === undefined) return undefined
  const parsed = actorSchema.safeParse(act)
  if (parsed.success) return boundedChain(parsed.data)
  throw new CredctlError('token_claim_invalid', 'the act claim does not name an actor')
}

/** Refuses chains that are too long to record. Error: `token_claim_invalid`. */
export function boundedChain(actor: Actor): Actor {
  let depth = 0
  for (let link: Actor | undefined = actor; link !== undefined; link = link.act) depth += 1
  if (depth <= MAX_DEPTH) return actor
  throw new CredctlError('token_claim_invalid', `more than ${MAX_DEPTH} actors in a row`)
}
