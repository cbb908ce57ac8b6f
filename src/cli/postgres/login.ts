import type { PostgresTarget } from '../../environment/target-postgres.ts'
import { CredctlError } from '../../errors.ts'
import { secretReference } from '../../secret/reference.ts'
import type { Server } from './place.ts'

/** A DBA's or an owner's own login: never the broker's, and never kept. */
export type LoginFlags = {
  readonly user?: string
  readonly password?: string
}

/** The target as that login reaches it. */
export function asLogin(server: Server, flags: LoginFlags): PostgresTarget {
  if (flags.user === undefined || flags.password === undefined) {
    throw new CredctlError('usage', 'running the statements needs a login that may', {
      hint: 'Give --user NAME and --password file:PATH or env:NAME: a DBA, not the broker.',
    })
  }
  const parsed = secretReference.safeParse(flags.password)
  if (!parsed.success) {
    // What was given stays out of the message: it may be the password itself.
    throw new CredctlError('usage', '--password is not a reference to a secret', {
      hint: 'Give file:PATH or env:NAME: arguments are visible to every process.',
    })
  }
  return { ...server, admin: { user: flags.user, password: parsed.data } }
}
