import { z } from 'zod'
import { fields } from '../document/fields.ts'
import { secretReference } from '../secret/reference.ts'
import { postgresConnection, tlsOnlyOffOnLoopback } from './postgres-connection.ts'

/**
 * Findings of the preflight that an operator may accept, with a reason. What is missing here
 * blocks whatever anybody writes: it would let a credential change the shape of a database, or
 * give it something else than its plan says.
 */
export const ACCEPTABLE_FINDINGS = [
  'broker_overprivileged',
  'dangerous_extension',
  'default_privileges',
  'definer_function',
  'definer_trigger',
  'foreign_key_action',
  'foreign_server',
  'inheritance_child',
  'large_object',
  'maintenance_database',
  'other_database',
  'powerful_functions',
  'prepared_transactions',
  'privilege_beyond_plan',
  'procedural_language',
  'rewrite_rule',
  'sequence_missing',
  'statistics_off',
  'temporary_objects',
] as const

export const acceptance = fields({
  finding: z.enum(ACCEPTABLE_FINDINGS),
  /** Exactly as `credctl doctor postgres` prints it; without it, every object of that finding. */
  object: z.string().min(1).max(256).optional(),
  reason: z.string().min(10, 'a reason is a sentence').max(500),
})
export type Acceptance = z.infer<typeof acceptance>

/** A database credctl mints logins in. `admin` is the broker's own role there: CREATEROLE, never superuser. */
export const postgresTarget = fields({
  ...postgresConnection,
  admin: fields({
    /** Short enough that its second role, `…_grants`, is a name PostgreSQL does not cut. */
    user: z
      .string()
      .min(1)
      .refine((name) => Buffer.byteLength(name) <= 56, 'longer than 56 bytes'),
    password: secretReference,
  }),
  /**
   * Who grants the tables. `applied`: a DBA or CI creates each group role with
   * `credctl postgres apply`, the broker only verifies it. `delegated`: the owner lets the broker
   * grant named tables onwards, and the broker creates group roles when they are first needed.
   * Without it: `applied` in prod environments, `delegated` elsewhere.
   */
  grants: z.enum(['applied', 'delegated']).optional(),
  accept: z.array(acceptance).max(200).default([]),
}).superRefine(tlsOnlyOffOnLoopback)
export type PostgresTarget = z.infer<typeof postgresTarget>
export type GrantsMode = NonNullable<PostgresTarget['grants']>
