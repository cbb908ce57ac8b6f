import { z } from 'zod'
import { fields } from '../document/fields.ts'
import { secretReference } from '../secret/reference.ts'
import { postgresConnection, tlsOnlyOffOnLoopback } from './postgres-connection.ts'

/** A database credctl mints logins in. `admin` is the broker's own role there: CREATEROLE, never superuser. */
export const postgresTarget = fields({
  ...postgresConnection,
  admin: fields({
    user: z.string().min(1).max(63),
    password: secretReference,
  }),
}).superRefine(tlsOnlyOffOnLoopback)
export type PostgresTarget = z.infer<typeof postgresTarget>
