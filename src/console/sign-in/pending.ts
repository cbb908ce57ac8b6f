import { z } from 'zod'
import type { ConsoleContext, ConsoleParts } from '../console.ts'
import { dropCookie, readCookie, writeCookie } from '../cookies.ts'

/** As long as people take to find their second factor. */
const SECONDS = 600
const PLACE = 'sign-in'

const shape = z.strictObject({
  state: z.string(),
  nonce: z.string(),
  verifier: z.string(),
  maxAge: z.number().exactOptional(),
  /** Page to go to afterwards. */
  to: z.string(),
  until: z.number(),
})
export type PendingSignIn = Omit<z.infer<typeof shape>, 'until'>

/** Kept by the browser alone, sealed: strangers who start sign-ins leave nothing with the broker. */
export function keepPending(
  parts: ConsoleParts,
  context: ConsoleContext,
  pending: PendingSignIn,
): void {
  const until = parts.clock.now().getTime() + SECONDS * 1000
  const sealed = parts.signIn.seal.seal(JSON.stringify({ ...pending, until }), PLACE)
  const value = sealed.toString('base64url')
  writeCookie(parts, context, 'credctl-sign-in', { value, seconds: SECONDS })
}

/** The sign-in that this browser left for, once: the browser forgets it with this answer. */
export function takePending(
  parts: ConsoleParts,
  context: ConsoleContext,
): PendingSignIn | undefined {
  const value = readCookie(parts, context, 'credctl-sign-in')
  if (value === undefined) return undefined
  dropCookie(parts, context, 'credctl-sign-in')
  const text = parts.signIn.seal.open(Buffer.from(value, 'base64url'), PLACE)
  if (text === undefined) return undefined
  const { until, ...pending } = shape.parse(JSON.parse(text))
  return until > parts.clock.now().getTime() ? pending : undefined
}
