import type { PlannedTable } from './plan.ts'

/** A name between backticks; what a scope may not write is refused here once more. */
export function quoteName(name: string): string {
  if (!/^[A-Za-z0-9_$-]{1,64}$/.test(name)) throw new TypeError('not a name that a scope may write')
  return `\`${name}\``
}

/** An account from everywhere, with a name that needs no escapes between quotes. */
export function quoteAccount(user: string): string {
  if (!/^[A-Za-z0-9_$-]{1,32}$/.test(user)) throw new TypeError('not a name of an account')
  return `'${user}'@'%'`
}

/** Privileges on one table; in a grant on a table, unlike in one on a database, `_` means itself. */
export function grantStatement({ database, table, verbs }: PlannedTable, account: string): string {
  const privileges = verbs.map((verb) => verb.toUpperCase()).join(', ')
  return `GRANT ${privileges} ON ${quoteName(database)}.${quoteName(table)} TO ${account}`
}
