import { z } from 'zod'
import { fields } from '../document/fields.ts'
import { secretReference } from '../secret/reference.ts'
import { postgresConnection, tlsOnlyOffOnLoopback } from './postgres-connection.ts'
import { awsRole, roleWithinAccount } from './target-aws.ts'
import { acceptance } from './target-postgres.ts'
import { vaultMount, vaultName } from './vault-name.ts'

/** The token role that makes the token of each credential: orphans with nothing but `creds`. */
const tokenRole = vaultName.default('credctl')

/** A PostgreSQL database whose logins Vault makes; host and port are what a caller connects to. */
export const vaultPostgresTarget = fields({
  ...postgresConnection,
  mount: vaultMount.default('database'),
  /** The name under `database/config` of the connection to this very database. */
  connection: vaultName,
  token_role: tokenRole,
  /** The role that Vault uses there, as `username` of the connection; `credctl postgres` needs it. */
  vault_user: z.string().min(1).max(63).optional(),
  /** With a role of the broker's own there, the preflight runs before a plan is minted. */
  admin: fields({ user: z.string().min(1).max(63), password: secretReference }).optional(),
  accept: z.array(acceptance).max(200).default([]),
}).superRefine(tlsOnlyOffOnLoopback)
export type VaultPostgresTarget = z.infer<typeof vaultPostgresTarget>

const { database: _database, port: _port, ...serverConnection } = postgresConnection

/** A MySQL or MariaDB server whose logins Vault makes; host and port are what a caller connects to. */
export const vaultMysqlTarget = fields({
  ...serverConnection,
  port: z.int().min(1).max(65535).default(3306),
  mount: vaultMount.default('database'),
  /** The name under `database/config` of the connection to this very server. */
  connection: vaultName,
  token_role: tokenRole,
  /** The account that Vault uses there, as `username` of the connection; `credctl mysql` needs it. */
  vault_user: z
    .string()
    .regex(/^[A-Za-z0-9_$-]{1,32}$/, 'not an account: 1 to 32 of letters, digits, _, $ and -')
    .optional(),
}).superRefine(tlsOnlyOffOnLoopback)
export type VaultMysqlTarget = z.infer<typeof vaultMysqlTarget>

/** An AWS role that Vault assumes, for brokers that may not. */
export const vaultAwsTarget = fields({
  ...awsRole,
  mount: vaultMount.default('aws'),
  token_role: tokenRole,
  /** Vault's own engine sets session tags; the plugin for OpenBao knows none. */
  session_tags: z.boolean().default(true),
}).superRefine(roleWithinAccount)
export type VaultAwsTarget = z.infer<typeof vaultAwsTarget>
