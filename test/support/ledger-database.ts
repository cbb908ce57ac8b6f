import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { systemRandom } from '../../src/clock.ts'
import { migrate } from '../../src/ledger/postgres/migrate.ts'
import { createLoginSecret } from '../../src/secret/scram.ts'
import type { TestPostgres } from './postgres.ts'

/** A migrated ledger on the test file's server, and the `ledger` section that names it. */
export async function createTestLedger(postgres: TestPostgres, directory: string) {
  const database = await postgres.database('ledger')
  const user = `runtime_${database}`
  const { password, verifier } = await createLoginSecret(systemRandom)
  const passwordFile = join(directory, 'ledger.password')
  await writeFile(passwordFile, password.reveal(), { mode: 0o600 })
  await postgres.pool(database).query(`CREATE ROLE ${user} LOGIN PASSWORD '${verifier}'`)
  const owner = await postgres.client({ database })
  await migrate(owner, user)
  // The shop is on the same server: what PUBLIC may enter, every minted login could enter.
  await owner.query(`REVOKE ALL ON DATABASE ${database} FROM PUBLIC`)
  await owner.query(`GRANT CONNECT ON DATABASE ${database} TO ${user}`)
  const reference = `file:${passwordFile}`
  const config = {
    postgres: {
      host: postgres.host,
      port: postgres.port,
      database,
      tls: 'disable',
      user,
      password: reference,
      owner: { user: postgres.user, password: reference },
    },
  }
  return { database, config }
}
