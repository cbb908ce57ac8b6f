import type { MiddlewareHandler } from 'hono'
import { CredctlError, isCredctlError } from '../errors.ts'
import type { Caller } from '../identity/caller.ts'
import { classify } from '../identity/classify.ts'
import { PRESETS } from '../identity/presets/kinds.ts'
import type { Session } from '../identity/session.ts'
import type { ConsoleContext, ConsoleEnv, ConsoleParts, Person } from './console.ts'
import { readCookie } from './cookies.ts'
import { basePath } from './place.ts'

/** Whoever is signed in in this browser. Errors: those of `callerOf`, `unavailable`. */
export async function findPerson(
  parts: ConsoleParts,
  context: ConsoleContext,
): Promise<Person | undefined> {
  const session = await parts.sessions.find(readCookie(parts, context, 'credctl-session'))
  if (session === undefined) return undefined
  const caller = callerOf(parts, session)
  return { caller, principal: { kind: 'caller', caller }, form: session.form, until: session.until }
}

/**
 * A signed-in person by the rules in force now, the same that the API applies to their token.
 * Errors: `caller_unclassified`, and those of `requireRole`.
 */
function callerOf({ signIn }: ConsoleParts, session: Session): Caller {
  const { issuer, subject, claims, token } = session
  if (issuer !== signIn.config.issuer) {
    throw new CredctlError('caller_unclassified', 'people no longer sign in where you did')
  }
  const preset = PRESETS[signIn.issuer.kind]
  const caller = {
    ...classify(signIn.issuer.callers, claims, preset),
    issuer,
    subject,
    claims,
    token,
  }
  requireRole(caller)
  return caller
}

/** The console is for people with a role, and for themselves: nobody acts through them. */
export function requireRole(caller: Caller): void {
  if (caller.class === 'human' && caller.roles.length > 0 && caller.actor === undefined) return
  throw new CredctlError('caller_not_permitted', 'the console is for people with a role', {
    hint: 'An operator gives roles in credctl.yaml, by claims of your identity provider.',
  })
}

/** As `findPerson`, for pages that also serve people whose roles are gone: they are nobody there. */
export async function findPersonIfAny(
  parts: ConsoleParts,
  context: ConsoleContext,
): Promise<Person | undefined> {
  try {
    return await findPerson(parts, context)
  } catch (error) {
    if (isCredctlError(error, 'caller_unclassified', 'caller_not_permitted')) return undefined
    throw error
  }
}

/** Everything behind it is for signed-in people; others come to the page where they sign in. */
export function requirePerson(parts: ConsoleParts): MiddlewareHandler<ConsoleEnv> {
  const base = basePath(parts)
  return async (context, next) => {
    const person = await findPerson(parts, context)
    if (person === undefined) {
      const { method, path, url } = context.req
      const page = method === 'GET' ? path.slice('/console'.length) + new URL(url).search : ''
      return context.redirect(`${base}/sign-in?to=${encodeURIComponent(base + page)}`, 303)
    }
    context.set('person', person)
    return await next()
  }
}
