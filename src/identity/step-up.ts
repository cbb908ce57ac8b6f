import { z } from 'zod'
import { fields, refuse } from '../document/fields.ts'
import { duration } from '../document/text.ts'
import { CredctlError } from '../errors.ts'
import type { Caller } from './caller.ts'
import type { LoginWish } from './openid.ts'

/** As far as clocks of issuers and ours ever differ: a login later than that is none. */
const MAX_AHEAD_SECONDS = 120

/** A value of the `acr` claim; several are sent with spaces between them. */
const acrValue = z
  .string()
  .max(256)
  .regex(/^[\x21\x23-\x5b\x5d-\x7e]+$/, 'not an acr value: no spaces, quotes or backslashes')

/** What a login must be like for acts on what belongs to others. */
export const stepUp = fields({
  max_age: duration({ min: 60, max: 86_400 })
    .optional()
    .meta({ description: 'Longest time since the person signed in (claim auth_time).' }),
  acr: z
    .array(acrValue)
    .min(1)
    .max(10)
    .optional()
    .meta({ description: 'Kinds of login that are enough (claim acr).' }),
}).superRefine((given, context) => {
  if (given.max_age === undefined && given.acr === undefined) {
    refuse(context, 'a step-up that asks for nothing', { expected: 'max_age, acr or both' })
  }
})
export type StepUp = z.output<typeof stepUp>

/** The refusal that a stronger or newer login lifts (RFC 9470). */
export class StepUpRequired extends CredctlError {
  readonly acr: readonly string[] | undefined
  readonly maxAge: number | undefined

  constructor({ acr, max_age: maxAge }: StepUp) {
    const wishes = [
      ...(maxAge === undefined ? [] : [`--max-age ${maxAge}`]),
      ...(acr === undefined ? [] : [`--acr ${acr[0]}`]),
    ]
    super('authentication_insufficient', 'this needs a newer or a stronger login', {
      hint: `Sign in again: credctl login ${wishes.join(' ')}`,
    })
    this.acr = acr
    this.maxAge = maxAge
  }
}

/** What to ask of a new login so that it meets a refusal. */
export function wishOf({ maxAge, acr }: StepUpRequired): LoginWish {
  return {
    ...(maxAge === undefined ? {} : { maxAge }),
    ...(acr === undefined ? {} : { acr: acr.join(' ') }),
  }
}

/** Refuses a person whose login is not what every rule that named them asks for. */
export function requireStepUp({ stepUp: asked = [], claims }: Caller, now: Date): void {
  const unmet = asked.find(
    (each) => !isRecent(claims['auth_time'], each, now) || !isStrong(claims['acr'], each),
  )
  if (unmet !== undefined) throw new StepUpRequired(unmet)
}

function isRecent(authTime: unknown, { max_age: maxAge }: StepUp, now: Date): boolean {
  if (maxAge === undefined) return true
  if (typeof authTime !== 'number') return false
  const age = now.getTime() / 1000 - authTime
  return age <= maxAge && age >= -MAX_AHEAD_SECONDS
}

function isStrong(acr: unknown, { acr: accepted }: StepUp): boolean {
  return accepted === undefined || accepted.some((value) => value === acr)
}
