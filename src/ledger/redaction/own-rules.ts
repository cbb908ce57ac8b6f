import type { PersonalKind } from '../../config/privacy.ts'
import type { Found } from './redaction.ts'

/** What this broker's callers hold, and the library's rules leave out. */
interface OwnRule {
  readonly type: string
  /** The secret is group 1, or else the whole match. Repetitions are bounded or cannot overlap. */
  readonly pattern: RegExp
  readonly isSecret?: (text: string) => boolean
}

const SECRETS: readonly OwnRule[] = [
  // RFC 7519 §3.1: the headers of all JWTs begin with `{"`. The identity tokens of callers are such.
  { type: 'jwt', pattern: /(?<![\w-])eyJ[\w-]{10,}\.eyJ[\w-]{10,}(?:\.[\w-]*)?/dg },
  // To the end of the text when its last line is missing: half a key is still one.
  {
    type: 'private-key',
    pattern:
      /-----BEGIN [A-Z0-9 ]{0,32}PRIVATE KEY(?: BLOCK)?-----[\s\S]*?(?:-----END [A-Z0-9 ]{0,32}PRIVATE KEY(?: BLOCK)?-----|$)/dg,
  },
  { type: 'google-api-key', pattern: /(?<![\w-])AIza[\w-]{35}(?![\w-])/dg },
  { type: 'azure-account-key', pattern: /\bAccountKey=([A-Za-z0-9+/]{86}==)/dg },
  // RFC 3986 §3.2.1, in the authority of any scheme.
  {
    type: 'url-password',
    pattern: /(?<![a-z0-9+.-])[a-z][a-z0-9+.-]{1,31}:\/\/[^\s:@/]{0,128}:([^\s@/]{3,256})@/dgi,
    isSecret: (text) => !isPlaceholder(text),
  },
  {
    type: 'authorization',
    pattern:
      /\bauthorization["']?\s{0,4}[:=]\s{0,4}["']?(?:[A-Za-z]{2,16}\s{1,4})?([^\s"']{8,})/dgi,
    isSecret: (text) => !isPlaceholder(text),
  },
  {
    type: 'password',
    pattern:
      /(?<![A-Za-z:])(?:password|passwd|passphrase|pwd|secret|token|api[_-]?key|access[_-]?key|secret[_-]?key)["']?\s{0,4}[:=]\s{0,4}["']?([^\s"'`,;]{8,})/dgi,
    isSecret: (text) => !isPlaceholder(text) && !isName(text) && isMixed(text),
  },
]

const PERSONAL = {
  // RFC 5321 §4.5.3.1: at most 64 octets before the sign. Quoted local parts are left out.
  email: {
    type: 'email',
    pattern:
      /(?<![\w.%+-])[\w.%+-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?(?:\.[A-Za-z0-9-]{2,63}){1,8}/dg,
  },
  // ITU-T E.164 with its plus sign: digits alone are too often something else.
  phone: { type: 'phone', pattern: /(?<![\w+])\+[1-9](?:[ ().-]{0,2}\d){7,14}(?!\d)/dg },
} satisfies Record<PersonalKind, OwnRule>

export function ownFinds(text: string): readonly Found[] {
  return SECRETS.flatMap((rule) => finds(rule, text))
}

export function personalFinds(text: string, kinds: readonly PersonalKind[]): readonly Found[] {
  return kinds.flatMap((kind) => finds(PERSONAL[kind], text))
}

function finds({ type, pattern, isSecret = () => true }: OwnRule, text: string): Found[] {
  return [...text.matchAll(pattern)].flatMap(({ indices }): Found[] => {
    const [start, end] = indices?.[1] ?? indices?.[0] ?? [0, 0]
    return isSecret(text.slice(start, end)) ? [{ start, end, type }] : []
  })
}

/** `${PASSWORD}`, `<password>`, `****`: what people write where a secret would stand. */
function isPlaceholder(text: string): boolean {
  return /^(?:\$|<|\{|%|\[redacted:|(.)\1*$)/.test(text)
}

/** A reference to a secret, a digest, an ARN, a ULID, a ticket: names, not what they name. */
function isName(text: string): boolean {
  return /^(?:arn:|aws-sm:|vault:|file:|env:|https?:|sha256:|[0-9A-HJKMNP-TV-Z]{26}$|[A-Z][A-Z0-9]*-\d+$)/.test(
    text,
  )
}

/** Passwords mix; words and plain numbers after `token:` are prose. */
function isMixed(text: string): boolean {
  return /\d/.test(text) && /[A-Za-z]/.test(text)
}
