import { z } from 'zod'
import type { LoginWish } from '../../identity/openid.ts'
import type { ConsoleContext, ConsoleParts } from '../console.ts'
import { basePath } from '../place.ts'

/** Address of a new login that comes back to `to`, as new and as strong as a refusal asks for. */
export function signInAgain(parts: ConsoleParts, to: string, { maxAge, acr }: LoginWish): string {
  const wish = {
    ...(maxAge === undefined ? {} : { max_age: String(maxAge) }),
    ...(acr === undefined ? {} : { acr }),
  }
  return `${basePath(parts)}/sign-in/start?${new URLSearchParams({ to, ...wish })}`
}

const wishes = z.object({
  max_age: z
    .string()
    .regex(/^\d{1,5}$/)
    .transform(Number)
    .optional()
    .catch(undefined),
  acr: z
    .string()
    .max(1024)
    .regex(/^[\x20\x21\x23-\x5b\x5d-\x7e]+$/)
    .optional()
    .catch(undefined),
})

/** A day: nobody acts on a login of last week, and providers say when it was only when asked. */
const OLDEST_LOGIN = 86_400

/** What the address asks of the login. It gives no rights: the rules look at the login itself. */
export function readWish({ req }: ConsoleContext): LoginWish {
  const { max_age: maxAge = OLDEST_LOGIN, acr } = wishes.parse(req.query())
  return { maxAge, ...(acr === undefined ? {} : { acr }) }
}
