import { z } from 'zod'

/** A secret of the broker's own machine, which needs no other secret to be read. */
export type LocalSecretReference = `${'file' | 'env'}:${string}`

/**
 * Where a broker-side secret is kept, never the secret itself: `file:/run/secrets/db`,
 * `env:DB_PASSWORD`, `vault:kv/data/db#password`, `aws-sm:prod/db#password`. Resolved when used,
 * so that rotation needs no restart.
 */
export type SecretReference = LocalSecretReference | `${'vault' | 'aws-sm'}:${string}`

const LOCAL = /^(file:[^\0\n]+|env:[A-Z_][A-Z0-9_]*)$/

/** A field of a stored document: what follows the last `#`. */
const FIELD = '#[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}'
/** `mount/data/path` of a KV engine, version 2. What each segment may hold is checked at use too. */
const VAULT = new RegExp(
  `^vault:[a-z0-9][a-z0-9_-]{0,62}/data(/[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}){1,12}${FIELD}$`,
)
/** Name or ARN as Secrets Manager accepts them; the field of a JSON secret may follow. */
const AWS_SM = new RegExp(`^aws-sm:[A-Za-z0-9/_+=.@:-]{1,512}(${FIELD})?$`)

export const localSecretReference = z.string().transform((text, context) => {
  if (LOCAL.test(text)) return text as LocalSecretReference
  return refused(context, 'file:PATH or env:NAME; a secret itself is never written here')
})

export const secretReference = z.string().transform((text, context) => {
  if (LOCAL.test(text) || VAULT.test(text) || AWS_SM.test(text)) return text as SecretReference
  return refused(
    context,
    'file:PATH, env:NAME, vault:MOUNT/data/PATH#FIELD or aws-sm:NAME#FIELD; a secret itself is never written here',
  )
})

/** The text itself stays out of the message: it may be the secret, pasted in by mistake. */
function refused(context: z.core.$RefinementCtx, expected: string): never {
  const message = 'not a reference to a secret'
  context.addIssue({ code: 'custom', message, params: { expected } })
  return z.NEVER
}
