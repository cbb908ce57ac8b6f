import type { MysqlPlan } from './plan.ts'
import { grantStatement, quoteAccount } from './sql.ts'

export type MysqlServer = 'mariadb' | 'mysql'

/** Ends sessions of others; the one privilege of the set-up that the two servers name differently. */
const CONNECTION_ADMIN = { mariadb: 'CONNECTION ADMIN', mysql: 'CONNECTION_ADMIN' } as const

const DEFINER = `'credctl_definer'@'localhost'`
/** 26 characters of a grant's id and three by chance: MySQL allows 32 in all. */
const LOGIN = `login NOT REGEXP '^cbg[0-9a-z]{29}$' OR CHAR_LENGTH(login) <> 32`
/** What is put between quotes below. */
const PASSWORD = `password NOT REGEXP '^[A-Za-z0-9._~-]{16,128}$'`

/**
 * What a DBA runs once, and again after an upgrade. The role of Vault gets no CREATE USER, with which
 * it could set the password of root, but procedures that make and end logins of credctl's alone. They
 * run as an account that nobody can log in to.
 */
export function mysqlSetupSql(vaultUser: string, server: MysqlServer): string[] {
  const vault = quoteAccount(vaultUser)
  return [
    'CREATE DATABASE IF NOT EXISTS credctl',
    `CREATE USER IF NOT EXISTS ${DEFINER} ACCOUNT LOCK`,
    `GRANT CREATE USER, PROCESS, ${CONNECTION_ADMIN[server]} ON *.* TO ${DEFINER}`,
    `GRANT EXECUTE ON credctl.* TO ${DEFINER}`,
    ...procedure(
      'create_login(IN login VARCHAR(80), IN password VARCHAR(128), IN connections INT, IN transport VARCHAR(4))',
      [
        refuse(LOGIN, 'not a login of credctl'),
        refuse(PASSWORD, 'not a password that Vault makes'),
        refuse(`transport NOT IN ('SSL', 'NONE')`, 'not a transport'),
        run(
          `'CREATE USER ''', login, '''@''%'' IDENTIFIED BY ''', password, ''' REQUIRE ', transport, ' WITH MAX_USER_CONNECTIONS ', connections, ' ACCOUNT LOCK'`,
        ),
      ],
    ),
    ...procedure('open_login(IN login VARCHAR(80))', [
      refuse(LOGIN, 'not a login of credctl'),
      run(`'ALTER USER ''', login, '''@''%'' ACCOUNT UNLOCK'`),
    ]),
    ...procedure('end_sessions(IN login VARCHAR(80))', [
      'DECLARE done BOOLEAN DEFAULT FALSE',
      'DECLARE session BIGINT UNSIGNED',
      'DECLARE sessions CURSOR FOR SELECT id FROM information_schema.processlist WHERE user = login',
      'DECLARE CONTINUE HANDLER FOR NOT FOUND SET done = TRUE',
      // Unknown thread: it ended by itself meanwhile.
      'DECLARE CONTINUE HANDLER FOR 1094 BEGIN END',
      refuse(LOGIN, 'not a login of credctl'),
      'OPEN sessions',
      'each_one: LOOP FETCH sessions INTO session; IF done THEN LEAVE each_one; END IF; KILL CONNECTION session; END LOOP',
      'CLOSE sessions',
    ]),
    // Sessions twice: one could have passed the login just before it was locked.
    ...procedure('end_login(IN login VARCHAR(80))', [
      refuse(LOGIN, 'not a login of credctl'),
      run(`'ALTER USER IF EXISTS ''', login, '''@''%'' ACCOUNT LOCK'`),
      'CALL credctl.end_sessions(login)',
      run(`'DROP USER IF EXISTS ''', login, '''@''%'''`),
      'CALL credctl.end_sessions(login)',
    ]),
    `CREATE USER IF NOT EXISTS ${vault} ACCOUNT LOCK`,
    ...['create_login', 'open_login', 'end_login'].map(
      (name) => `GRANT EXECUTE ON PROCEDURE credctl.${name} TO ${vault}`,
    ),
  ]
}

/** What the role of Vault may pass on, and holds from then on: exactly the privileges of this plan. */
export function mysqlDelegationSql(vaultUser: string, { tables }: MysqlPlan): string[] {
  const vault = quoteAccount(vaultUser)
  return tables.map((table) => `${grantStatement(table, vault)} WITH GRANT OPTION`)
}

/** Dropped first: MySQL knows no OR REPLACE. */
function procedure(signature: string, body: readonly string[]): string[] {
  const [name = ''] = signature.split('(')
  const lines = body.map((statement) => `  ${statement};\n`).join('')
  return [
    `DROP PROCEDURE IF EXISTS credctl.${name}`,
    `CREATE DEFINER = ${DEFINER} PROCEDURE credctl.${signature} SQL SECURITY DEFINER\nBEGIN\n${lines}END`,
  ]
}

function refuse(condition: string, message: string): string {
  return `IF ${condition} THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = '${message}'; END IF`
}

/** Of a text whose parts were checked before: names of accounts cannot be parameters. */
function run(parts: string): string {
  return `SET @credctl = CONCAT(${parts}); PREPARE made FROM @credctl; SET @credctl = NULL; EXECUTE made; DEALLOCATE PREPARE made`
}
