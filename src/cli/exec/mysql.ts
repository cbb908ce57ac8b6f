import type { JsonObject } from '../../client/json.ts'
import { CredctlError } from '../../errors.ts'
import type { PrivateDirectory } from './private-directory.ts'

/**
 * Where clients of MySQL and MariaDB find each login: an option file, named by a variable for each
 * target, for `mariadb --defaults-extra-file="$CREDCTL_MYSQL_SHOP_DB"`. Neither client reads a
 * password from a variable that is not deprecated.
 */
export async function deliverMysql(
  targets: readonly string[],
  fetch: (target: string) => Promise<JsonObject>,
  directory: PrivateDirectory,
): Promise<Record<string, string>> {
  const delivered = await Promise.all(
    targets.map(async (target): Promise<[string, string]> => {
      const text = optionFile(await fetch(target))
      return [variableFor(target), await directory.write(`mysql-${target}.cnf`, text)]
    }),
  )
  return Object.fromEntries(delivered)
}

function variableFor(target: string): string {
  return `CREDCTL_MYSQL_${target.toUpperCase().replaceAll(/[^A-Z0-9]/g, '_')}`
}

/** `loose-`: each client skips the options that only the other one knows. */
function optionFile(answer: JsonObject): string {
  const transport =
    answer.text('ssl_mode') === 'DISABLED'
      ? ['loose-ssl-mode=DISABLED', 'loose-skip-ssl']
      : ['loose-ssl-mode=VERIFY_IDENTITY', 'loose-ssl', 'loose-ssl-verify-server-cert']
  const lines = [
    '[client]',
    'protocol=tcp',
    `host=${quoted(answer.text('host'))}`,
    `port=${answer.integer('port')}`,
    `user=${quoted(answer.text('user'))}`,
    `password=${quoted(answer.text('password'))}`,
    ...transport,
  ]
  return `${lines.join('\n')}\n`
}

/** A line break would be the start of an option that nobody gave. */
function quoted(text: string): string {
  if (!/["\\\p{Cc}]/u.test(text)) return `"${text}"`
  throw new CredctlError('unavailable', 'the broker gave a login that no option file can hold')
}
