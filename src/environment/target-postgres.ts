import { z } from 'zod'
import { fields } from '../document/fields.ts'
import { secretReference } from '../secret/reference.ts'

/** A database credctl mints logins in. `admin` is the broker's own role there: CREATEROLE, never superuser. */
export const postgresTarget = fields({
  host: z.string().min(1).max(253),
  port: z.int().min(1).max(65535).default(5432),
  database: z.string().min(1).max(63),
  /** `disable` is for loopback only; the configuration refuses it elsewhere. */
  tls: z.enum(['verify-full', 'disable']).default('verify-full'),
  /** PEM of the authority that signed the server's certificate; the system's when absent. */
  ca: secretReference.optional(),
  admin: fields({
    user: z.string().min(1).max(63),
    password: secretReference,
  }),
})
export type PostgresTarget = z.infer<typeof postgresTarget>
