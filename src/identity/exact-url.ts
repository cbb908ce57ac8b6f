import { z } from 'zod'
import { isLoopback } from '../environment/loopback.ts'

/** True for the one normal spelling of an https URL, or of an http URL on a loopback address. */
export function isExactUrl(text: string): boolean {
  if (!URL.canParse(text)) return false
  const url = new URL(text)
  const normal = url.href === text || url.href === `${text}/`
  const bare = url.search === '' && url.hash === '' && url.username === '' && url.password === ''
  const protectedPath =
    url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url.hostname))
  // The parser takes `*` for a letter of a host; whoever writes it means a pattern.
  return normal && bare && !url.hostname.includes('*') && !/[?#]/.test(text) && protectedPath
}

/** The exact text of a URL: any two spellings of one place are two texts, and one is refused. */
export function exactText(accepts: (text: string) => boolean) {
  return z
    .string()
    .max(1024)
    .transform((text, context) => {
      if (accepts(text)) return text
      const expected =
        'https://host/path in lower case without query, user or default port; http:// only on a loopback address'
      context.addIssue({ code: 'custom', message: 'not an accepted URL', params: { expected } })
      return z.NEVER
    })
}

/** An address that an operator writes, and that something is sent to. */
export const exactUrl = exactText(isExactUrl)
