import { libraryFinds } from '../../ledger/redaction/library-rules.ts'
import { ownFinds } from '../../ledger/redaction/own-rules.ts'
import type { Found } from '../../ledger/redaction/redaction.ts'
import { findInFormat } from './formats.ts'

/** Settings, in which a name and a value next to it mean what they say; in programs they do not. */
const SETTINGS = /\.(?:ya?ml|json|toml|ini|cfg|conf|cnf|properties|xml)$|(?:^|[\\/])\.[^\\/]*$/i
const NEEDS_SETTINGS = ['password', 'authorization']

/**
 * The secrets in one file, in the order of the text, each place once: what its format says first,
 * then the rules of the redaction of the log, most of which a library maintains.
 */
export function secretsIn(path: string, text: string, now: Date): Found[] {
  const isSettings = SETTINGS.test(path)
  const general = [...ownFinds(text), ...libraryFinds(text)].filter(
    ({ type }) => isSettings || !NEEDS_SETTINGS.includes(type),
  )
  const places: Found[] = []
  for (const found of [...findInFormat(path, text), ...general]) {
    const isNew = places.every(({ start, end }) => found.end <= start || found.start >= end)
    if (isNew && !isOver(found, text, now)) places.push(found)
  }
  return places.sort((a, b) => a.start - b.start)
}

/** A JSON Web Token that has expired opens nothing any more (RFC 7519 §4.1.4). */
function isOver({ type, start, end }: Found, text: string, now: Date): boolean {
  if (type !== 'jwt') return false
  const [, payload = ''] = text.slice(start, end).split('.')
  try {
    const claims: unknown = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8'))
    const isObject = typeof claims === 'object' && claims !== null && 'exp' in claims
    return isObject && typeof claims.exp === 'number' && claims.exp * 1000 < now.getTime()
  } catch {
    return false
  }
}
