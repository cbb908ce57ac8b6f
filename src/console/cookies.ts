import type { Context } from 'hono'
import { deleteCookie, getCookie, setCookie } from 'hono/cookie'
import type { CookieOptions } from 'hono/utils/cookie'
import type { ConsoleParts } from './console.ts'

/** What the console puts into a browser. */
export type CookieName = 'credctl-session' | 'credctl-sign-in'

/**
 * Over TLS a name with `__Host-`: no other host, subdomain or path can set or replace it, and it is
 * never sent without TLS. Plain HTTP is for loopback addresses alone, where no such name exists.
 * Lax: a link from elsewhere opens the page, a form from elsewhere does not act.
 */
function cookie({ url }: Pick<ConsoleParts, 'url'>, name: CookieName) {
  const secure = url.startsWith('https:')
  const options = { path: '/', httpOnly: true, sameSite: 'Lax', secure } satisfies CookieOptions
  return { name: secure ? `__Host-${name}` : name, options }
}

export function readCookie(parts: ConsoleParts, context: Context, which: CookieName) {
  return getCookie(context, cookie(parts, which).name)
}

export function writeCookie(
  parts: ConsoleParts,
  context: Context,
  which: CookieName,
  { value, seconds }: { readonly value: string; readonly seconds: number },
): void {
  const { name, options } = cookie(parts, which)
  setCookie(context, name, value, { ...options, maxAge: seconds })
}

export function dropCookie(parts: ConsoleParts, context: Context, which: CookieName): void {
  const { name, options } = cookie(parts, which)
  deleteCookie(context, name, options)
}
