import { z } from 'zod'

/** A name of ours (scope, environment, target, issuer, parameter): safe in paths, tags and SQL. */
export const slug = z
  .string()
  .regex(/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/, {
    message:
      'not a valid name: lower-case letters, digits and single hyphens, starting with a letter',
  })
  .max(63, 'name is longer than 63 characters')

/**
 * Control characters other than tab and newlines, lone surrogates, and characters that are not
 * seen or reorder what is (CVE-2021-42574): whoever reads such text reads something else than a
 * program does.
 */
const UNSEEN =
  /[[\p{Cc}\p{Cs}\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]--[\t\n\r]]/v

/** The first character of a text that nobody would see for what it is. */
export function firstUnseen(
  text: string,
): { readonly index: number; readonly character: string } | undefined {
  const found = UNSEEN.exec(text)
  return found === null ? undefined : { index: found.index, character: found[0] }
}

const DURATION = /^([1-9][0-9]{0,5})(s|m|h)$/
const SECONDS = { s: 1, m: 60, h: 3600 } as const

/** A duration as people write it (`90s`, `15m`, `1h`); its value is in seconds. */
export function duration(limits: { min: number; max: number }) {
  return z.string().transform((text, context) => {
    const [, amount, unit] = DURATION.exec(text) ?? []
    const seconds = Number(amount) * SECONDS[unit as keyof typeof SECONDS]
    if (Number.isFinite(seconds) && seconds >= limits.min && seconds <= limits.max) return seconds
    const expected = `between ${formatDuration(limits.min)} and ${formatDuration(limits.max)}, such as 15m`
    context.addIssue({
      code: 'custom',
      message: `${JSON.stringify(text)} is not an accepted duration`,
      params: { expected },
    })
    return z.NEVER
  })
}

/** The shortest exact form: `3600` is `1h`, `90` is `90s`. */
export function formatDuration(seconds: number): string {
  if (seconds % 3600 === 0) return `${seconds / 3600}h`
  return seconds % 60 === 0 ? `${seconds / 60}m` : `${seconds}s`
}
