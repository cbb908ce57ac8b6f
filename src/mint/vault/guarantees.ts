/** What revoking a grant reaches at targets that Vault mints for. */
export const VAULT_POSTGRES_GUARANTEES = [
  'Revoking ends the lease in Vault, which ends the login and its sessions, and is confirmed by Vault; statements that already committed stay.',
  'Vault ends the login when the grant ends, also without the broker, and tries six times; after that the broker does.',
  'A credential whose making was interrupted ends with its Vault token, at the latest when the grant would have ended.',
  'Objects made in another database of the same server keep a login from being dropped: it can no longer be used, and the ledger says that it remains.',
  'A session can change its own settings and time limits; the watchdog ends it when it exceeds those of its scope, where the target names an admin of the broker, and not otherwise.',
  'Whoever administers Vault or its database user can do more than the plan says.',
] as const

export const VAULT_MYSQL_GUARANTEES = [
  'Revoking ends the lease in Vault, which locks the login, ends its sessions and drops it, and is confirmed by Vault; statements that already committed stay.',
  'Vault ends the login when the grant ends, also without the broker, and tries six times; after that the broker does. While both are down the login stays usable: MySQL and MariaDB know no expiry of a login in minutes.',
  'A session is told to end and rolls back what it had not committed, which may take as long as the work did; what it still runs meanwhile finds its privileges gone.',
  'A credential whose making was interrupted leaves a locked login at most, which nobody has the password of.',
  'There is no preflight and no watchdog: what PUBLIC, anonymous accounts and default roles may do on that server, a login may do too.',
  'Whoever administers Vault or its account in the database can pass on everything that was delegated to that account.',
] as const

export const VAULT_AWS_GUARANTEES = [
  'Revocation is by time only: Vault cannot end a session that it has given out.',
  'A session lasts 15 minutes at least, also when the grant ends sooner: the grant keeps it from being fetched again.',
  'Sessions carry the tags of their scope where the engine sets tags, and the grant in their name.',
  'Whoever administers Vault can give out the AWS role that it assumes.',
] as const
