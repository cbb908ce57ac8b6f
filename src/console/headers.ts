import type { MiddlewareHandler } from 'hono'
import type { ConsoleEnv } from './console.ts'

/**
 * Only files of the broker, no inline script or style, no frame around it, forms to itself alone.
 * Nothing in the script may turn text into HTML or code (Trusted Types).
 */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join('; ')

/**
 * What every answer below `/console` carries. `same-origin`, because without any referrer browsers
 * send `Origin: null` with forms, and forms are told by their origin.
 */
export const pageHeaders: MiddlewareHandler<ConsoleEnv> = async (context, next) => {
  await next()
  const { headers } = context.res
  headers.set('Content-Security-Policy', POLICY)
  headers.set('Referrer-Policy', 'same-origin')
  headers.set('Cross-Origin-Opener-Policy', 'same-origin')
  headers.set('Cross-Origin-Resource-Policy', 'same-origin')
  headers.set('Permissions-Policy', 'camera=(), geolocation=(), microphone=(), payment=()')
  headers.set('X-Frame-Options', 'DENY')
}
