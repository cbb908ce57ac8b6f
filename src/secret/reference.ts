import { z } from 'zod'

/**
 * Where a broker-side secret is kept, never the secret itself: `file:/run/secrets/db`,
 * `env:DB_PASSWORD`. Resolved when used, so that rotation needs no restart.
 */
export type SecretReference = `${'file' | 'env'}:${string}`

const REFERENCE = /^(file:[^\0\n]+|env:[A-Z_][A-Z0-9_]*)$/

export const secretReference = z.string().transform((text, context) => {
  if (REFERENCE.test(text)) return text as SecretReference
  context.addIssue({
    code: 'custom',
    // The text itself stays out of the message: it may be the secret, pasted in by mistake.
    message: 'not a reference to a secret',
    params: { expected: 'file:PATH or env:NAME; a secret itself is never written here' },
  })
  return z.NEVER
})
