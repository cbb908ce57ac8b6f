import type { Hono } from 'hono'
import { CredctlError } from '../../errors.ts'
import type { Caller } from '../../identity/caller.ts'
import type { ConsoleContext, ConsoleEnv, ConsoleParts, Door } from '../console.ts'
import { dropCookie, readCookie, writeCookie } from '../cookies.ts'
import { readForm } from '../form.ts'
import { answerPage } from '../page.ts'
import { findPersonIfAny, requirePerson, requireRole } from '../person.ts'
import { basePath, pageOf } from '../place.ts'
import { signedOutView, signInView } from '../views/sign-in.ts'
import { readWish } from './again.ts'
import { keepPending, takePending } from './pending.ts'
import { Provider } from './provider.ts'

/** Signing in and out. `door` stands before everything that a stranger can make the broker do. */
export function signInRoutes(app: Hono<ConsoleEnv>, parts: ConsoleParts, door: Door): void {
  const base = basePath(parts)
  const redirect = `${parts.url}/console/callback`
  const provider = new Provider(parts.signIn, redirect)

  app.get('/sign-in', async (context) => {
    const to = pageOf(base, context.req.query('to'))
    if ((await findPersonIfAny(parts, context)) !== undefined) return context.redirect(to, 303)
    return answerPage(parts, context, signInView(parts, base, to))
  })

  app.get('/sign-in/start', async (context) => {
    const to = pageOf(base, context.req.query('to'))
    const { address, pending } = await door(context, () => provider.begin(readWish(context)))
    keepPending(parts, context, { ...pending, to })
    return context.redirect(address, 302)
  })

  app.get('/callback', async (context) => {
    const pending = takePending(parts, context)
    if (pending === undefined) throw nothingPending()
    const { to, ...expected } = pending
    const caller = await door(context, async () => {
      const token = await provider.finish(new URL(context.req.url).search, expected)
      return await parts.verifier.verify(token, { spend: true })
    })
    await openSession(parts, context, caller)
    return context.redirect(to, 303)
  })

  app.post('/sign-out', requirePerson(parts), async (context) => {
    await readForm(parts, context)
    await parts.sessions.close(readCookie(parts, context, 'credctl-session'))
    dropCookie(parts, context, 'credctl-session')
    return answerPage(parts, context, signedOutView(base))
  })
}

/** A new id for every sign-in; what the browser had before is over. */
async function openSession(
  parts: ConsoleParts,
  context: ConsoleContext,
  caller: Caller,
): Promise<void> {
  if (caller.issuer !== parts.signIn.config.issuer) {
    throw new CredctlError('token_issuer_unknown', 'the token is of another issuer')
  }
  requireRole(caller)
  await parts.sessions.close(readCookie(parts, context, 'credctl-session'))
  const { session: seconds } = parts.signIn.config
  const { id } = await parts.sessions.open(caller, seconds)
  writeCookie(parts, context, 'credctl-session', { value: id, seconds })
  const { issuer, subject, roles } = caller
  parts.logger.info({ request: context.get('request'), issuer, subject, roles }, 'signed in')
}

function nothingPending(): CredctlError {
  return new CredctlError('request_invalid', 'no sign-in of this browser waits for this answer', {
    hint: 'Sign in again; a sign-in has ten minutes, and one place at a time in each browser.',
  })
}
