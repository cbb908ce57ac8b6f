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
