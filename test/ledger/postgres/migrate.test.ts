import { expect, it } from 'vitest'
import { migrate } from '../../../src/ledger/postgres/migrate.ts'
import { MIGRATIONS } from '../../../src/ledger/postgres/schema.ts'
import { testPostgres } from '../../support/postgres.ts'
import { catalogue } from '../entries.ts'
import {
  connectAs,
  connectionTo,
  emptyDatabase,
  migratedDatabase,
  OWNER,
  openLedger,
  RUNTIME,
} from './database.ts'

const postgres = testPostgres()

it('migrating is done once, however often and by however many it is asked for', async () => {
  const database = await emptyDatabase(postgres)
  const owners = await Promise.all([1, 2, 3].map(() => connectAs(postgres, database, OWNER)))
  const steps = await Promise.all(owners.map((owner) => migrate(owner, RUNTIME)))
  expect(steps.sort()).toEqual([0, 0, MIGRATIONS.length])
  expect(await migrate(owners[0]!, RUNTIME)).toBe(0)
  await Promise.all(owners.map((owner) => owner.end()))
  const ledger = await openLedger(postgres, database)
  expect((await ledger.append(catalogue())).index).toBe(0)
})

it('an unmigrated database is refused with the way out', async () => {
  const database = await emptyDatabase(postgres)
  await expect(openLedger(postgres, database)).rejects.toMatchObject({
    code: 'ledger_not_migrated',
    hint: 'run credctl migrate',
  })
})

it('a database of a newer credctl is refused by the broker and by migrate', async () => {
  const database = await migratedDatabase(postgres)
  const owner = await connectAs(postgres, database, OWNER)
  await owner.query('INSERT INTO credctl_ledger.version (version) VALUES (99)')
  await expect(migrate(owner, RUNTIME)).rejects.toMatchObject({ code: 'ledger_not_migrated' })
  await owner.end()
  await expect(openLedger(postgres, database)).rejects.toMatchObject({
    code: 'ledger_not_migrated',
    message: expect.stringContaining('newer'),
  })
})

it('a failed step leaves nothing behind', async () => {
  const database = await emptyDatabase(postgres)
  await expect(
    migrate(await connectAs(postgres, database, OWNER), 'nobody_of_this_name'),
  ).rejects.toMatchObject({ code: 'config_invalid' })
  const { rows } = await postgres
    .pool(database)
    .query(`SELECT FROM pg_namespace WHERE nspname = 'credctl_ledger'`)
  expect(rows).toEqual([])
})

it('the owner cannot be the role of the broker', async () => {
  const database = await emptyDatabase(postgres)
  const owner = await connectAs(postgres, database, OWNER)
  await expect(migrate(owner, OWNER)).rejects.toMatchObject({ code: 'config_invalid' })
  await migrate(owner, RUNTIME)
  await owner.end()
  const connection = connectionTo(postgres, database, OWNER)
  await expect(openLedger(postgres, database, { connection })).rejects.toMatchObject({
    code: 'config_invalid',
  })
})

it('a role that may become the owner is refused as well', async () => {
  const database = await migratedDatabase(postgres)
  await postgres.pool().query(`CREATE ROLE climber LOGIN PASSWORD 'climber'`)
  const owner = await connectAs(postgres, database, OWNER)
  await migrate(owner, 'climber')
  await owner.end()
  await postgres.pool().query(`GRANT ${OWNER} TO climber WITH INHERIT FALSE`)
  const connection = connectionTo(postgres, database, 'climber')
  await expect(openLedger(postgres, database, { connection })).rejects.toMatchObject({
    code: 'config_invalid',
  })
})

it('a role name with quotes in it is a name and nothing else', async () => {
  const database = await emptyDatabase(postgres)
  const name = 'a"; DROP SCHEMA credctl_ledger CASCADE; --'
  await postgres.pool().query(`CREATE ROLE "${name.replaceAll('"', '""')}"`)
  const owner = await connectAs(postgres, database, OWNER)
  expect(await migrate(owner, name)).toBe(MIGRATIONS.length)
  await owner.end()
})
