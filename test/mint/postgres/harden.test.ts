import { describe, expect, it } from 'vitest'
import { postgresTarget } from '../../../src/environment/target-postgres.ts'
import { runScript } from '../../../src/mint/postgres/script.ts'
import { hardenSql, unhardenSql } from '../../../src/plan/postgres/harden.ts'
import { Secret } from '../../../src/secret/secret.ts'
import { testPostgres } from '../../support/postgres.ts'
import { createWorld, refusalOf, type World } from './database.ts'

const postgres = testPostgres()

function script(statements: readonly string[]): string {
  return ['BEGIN', ...statements, 'COMMIT'].join(';\n')
}

/** An application of the kind that lives off what PUBLIC has. */
async function application(world: World) {
  const name = `app_of_${world.database}`
  await world.root.query(
    `CREATE ROLE ${name} LOGIN PASSWORD 'x'; GRANT CONNECT ON DATABASE ${world.database} TO PUBLIC`,
  )
  return {
    name,
    connect: () => postgres.client({ database: world.database, user: name, password: 'x' }),
  }
}

describe('hardening', () => {
  it('changes nothing for roles that exist, and closes the rest', async () => {
    const world = await createWorld(postgres)
    const app = await application(world)
    await world.root.query(script(hardenSql(world.admin.user)))
    const client = await app.connect()
    await client.query('CREATE TEMP TABLE mine (id int)')
    await client.query('DO $$ BEGIN PERFORM pg_advisory_xact_lock(1); END $$')
    await client.query('SELECT lo_unlink(lo_create(0))')
    await world.root.query(`CREATE ROLE newcomer_${world.database} LOGIN PASSWORD 'x'`)
    const newcomer = postgres.client({
      database: world.database,
      user: `newcomer_${world.database}`,
      password: 'x',
    })
    expect(await refusalOf(newcomer)).toBe('42501')
    await world.root.query(`GRANT credctl_former_public TO newcomer_${world.database}`)
    await postgres.client({
      database: world.database,
      user: `newcomer_${world.database}`,
      password: 'x',
    })
    await world.root.query(script(unhardenSql()))
  })

  it('keeps the DDL of everybody else working', async () => {
    const world = await createWorld(postgres)
    await world.root.query(script(hardenSql(world.admin.user)))
    await world.root.query(
      `SET ROLE owner_${world.database}; CREATE TABLE later (id int); DROP TABLE later; RESET ROLE`,
    )
    await world.root.query(script(unhardenSql()))
  })

  it('undoes what it can when an object of then is gone', async () => {
    const world = await createWorld(postgres)
    await world.root.query(
      'CREATE TABLE open_one (id int); CREATE TABLE open_two (id int); GRANT SELECT ON open_one, open_two TO PUBLIC',
    )
    await world.root.query(script(hardenSql(world.admin.user)))
    await world.root.query('DROP TABLE open_one')
    await world.root.query(script(unhardenSql()))
    const { rows } = await world.root.query(
      "SELECT has_table_privilege('public', 'open_two', 'SELECT') AS open",
    )
    expect(rows[0].open).toBe(true)
  })

  it('refuses a record that somebody else could have written, before and after', async () => {
    const world = await createWorld(postgres)
    const owner = `owner_${world.database}`
    await world.root.query(`GRANT CREATE ON DATABASE ${world.database} TO ${owner}`)
    await world.root.query(`SET ROLE ${owner}; CREATE SCHEMA credctl;
      CREATE TABLE credctl.hardening (step int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, undo text NOT NULL);
      INSERT INTO credctl.hardening (undo) VALUES ('ALTER ROLE ${owner} SUPERUSER'); RESET ROLE`)
    for (const statements of [hardenSql(world.admin.user), unhardenSql()]) {
      const client = await postgres.client({ database: world.database })
      expect(await refusalOf(client.query(script(statements)))).toBe('42501')
    }
    const { rows } = await world.root.query('SELECT rolsuper FROM pg_roles WHERE rolname = $1', [
      owner,
    ])
    expect(rows[0].rolsuper).toBe(false)
  })
})

describe('running a script', () => {
  it('changes all or nothing', async () => {
    const world = await createWorld(postgres)
    const { host, port, user, password } = postgres
    const admin = { user, password: 'env:DBA' }
    const target = postgresTarget.parse({
      host,
      port,
      database: world.database,
      tls: 'disable',
      admin,
    })
    const resolve = async () => new Secret(password)
    await expect(
      runScript(target, resolve, ['CREATE TABLE public.kept (id int)', 'SELECT 1 / 0']),
    ).rejects.toMatchObject({ code: 'target_refused', message: expect.stringContaining('22012') })
    expect(await refusalOf(world.root.query('SELECT * FROM kept'))).toBe('42P01')
    await runScript(target, resolve, ['CREATE TABLE public.kept (id int)'])
    expect(await refusalOf(world.root.query('SELECT * FROM kept'))).toBeUndefined()
  })
})
