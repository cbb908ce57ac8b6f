import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { type Clock, systemClock, systemRandom, ulid } from '../../../src/clock.ts'
import { decide, type Grant } from '../../../src/decision/decide.ts'
import { type Environment, toEnvironment } from '../../../src/environment/environment.ts'
import { postgresTarget } from '../../../src/environment/target-postgres.ts'
import type { PostgresCredential } from '../../../src/mint/mint.ts'
import { type PostgresMint, postgresMint } from '../../../src/mint/postgres/mint.ts'
import { planScope } from '../../../src/plan/plan.ts'
import type { PostgresPlan } from '../../../src/plan/postgres/plan.ts'
import { brokerSetupSql, delegationSql } from '../../../src/plan/postgres/setup.ts'
import { scopeSchema } from '../../../src/scope/scope.ts'
import { createLoginSecret } from '../../../src/secret/scram.ts'
import { Secret } from '../../../src/secret/secret.ts'
import type { TestPostgres } from '../../support/postgres.ts'

/** Tables of an ordinary application, owned by a role of its own. */
const TABLES = `
CREATE TABLE orders (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, customer text NOT NULL, total numeric NOT NULL, note text);
CREATE TABLE customers (id serial PRIMARY KEY, name text, card text);
CREATE TABLE currency_rates (currency text PRIMARY KEY, rate numeric NOT NULL);
INSERT INTO orders (customer, total) SELECT 'c' || i, i FROM generate_series(1, 20) i;
INSERT INTO customers (name, card) VALUES ('A', '4111'), ('B', '4222');
INSERT INTO currency_rates VALUES ('EUR', 1), ('USD', 1.1);
`

export interface World {
  readonly database: string
  /** Superuser on the database. */
  readonly root: pg.Pool
  readonly environment: Environment
  readonly admin: { readonly user: string; readonly password: string }
  mint(target?: Record<string, unknown>, clock?: Clock): PostgresMint
  plan(access: unknown): PostgresPlan
  /** A grant that the real decision allowed, on this world's target. */
  grant(access: unknown, ttl?: string): Grant
  /** Lets the broker pass on what the access names, as a superuser in the owner's place. */
  delegate(access: unknown): Promise<void>
  /** Connects as a minted login. */
  login(credential: PostgresCredential, options?: pg.ClientConfig): Promise<pg.Client>
}

/** A database with tables, an owner, and a broker admin made by the setup that we print. */
export async function createWorld(
  postgres: TestPostgres,
  options: { tables?: string; environmentClass?: 'prod' | 'nonprod' } = {},
): Promise<World> {
  const database = await postgres.database('app')
  const root = postgres.pool(database)
  const owner = `owner_${database}`
  const user = `credctl_broker_${database}`
  await root.query(`REVOKE CONNECT ON DATABASE ${database} FROM PUBLIC`)
  await root.query(`CREATE ROLE ${owner} NOLOGIN; GRANT ALL ON SCHEMA public TO ${owner}`)
  await root.query(`SET ROLE ${owner}; ${options.tables ?? TABLES}; RESET ROLE`)
  const secret = await createLoginSecret(systemRandom)
  const password = secret.password.reveal()
  const setup = { admin: user, databases: [database], verifier: secret.verifier }
  for (const statement of brokerSetupSql(setup)) await root.query(statement)

  const connection = { host: postgres.host, port: postgres.port, database, tls: 'disable' }
  const configured = { ...connection, admin: { user, password: 'env:ADMIN' } }
  const environmentOf = (target: Record<string, unknown>) =>
    toEnvironment('staging', {
      class: options.environmentClass ?? 'nonprod',
      targets: { db: { postgres: postgresTarget.parse({ ...configured, ...target }) } },
    })
  const environment = environmentOf({})
  const open: PostgresMint[] = []
  const world: World = {
    database,
    root,
    environment,
    admin: { user, password },
    mint: (target = {}, clock = systemClock) => {
      const parsed = environmentOf(target).targets['db']
      if (parsed?.kind !== 'postgres') throw new Error('not a PostgreSQL target')
      const resolve = async () => new Secret(password)
      const mint = postgresMint(parsed, { resolve, clock })
      open.push(mint)
      return mint
    },
    plan: (access) => planOf(world.grant(access)),
    grant: (access, ttl = '5m') => allow(environment, access, ttl),
    delegate: async (access) => {
      const statements = delegationSql(user, world.plan(access))
      await root.query(`${statements.join('; ')}`)
    },
    login: async (credential, extra = {}) =>
      await postgres.client({
        host: credential.host,
        port: credential.port,
        database: credential.database,
        user: credential.user,
        password: credential.password,
        ...extra,
      }),
  }
  return world
}

export function planOf(grant: Grant): PostgresPlan {
  const plan = grant.plan.targets['db']
  if (plan?.kind !== 'postgres') throw new Error('no PostgreSQL plan')
  return plan
}

/** Mints on target `db` and gives the credential with its handle. */
export async function mintOn(mint: PostgresMint, grant: Grant) {
  const handle = mint.handle(grant, 'db', ulid(systemClock, systemRandom))
  const minted = await mint.mint(grant, 'db', handle)
  const credential = minted.credential.reveal()
  if (!('sslmode' in credential)) throw new Error('not a PostgreSQL credential')
  return { handle, minted, credential }
}

/** A grant that the real decision allowed. */
export function allow(environment: Environment, access: unknown, ttl: string): Grant {
  return allowAccess(environment, { postgres: access }, ttl)
}

export function allowAccess(environment: Environment, access: unknown, ttl: string): Grant {
  const scope = scopeSchema.parse({
    name: 'fix-orders',
    owner: 'team-orders',
    description: 'A scope of a test, with real tables.',
    allow: [{ caller: 'ci', issuer: 'github', claims: { repository_id: '1' } }],
    environments: [environment.name],
    ttl,
    access: { db: access },
  })
  const planned = planScope(scope, environment, {})
  if (!planned.ok) throw new Error(JSON.stringify(planned.problems))
  const now = new Date()
  const decision = decide({
    grantId: ulid(systemClock, systemRandom),
    caller: {
      class: 'ci',
      issuer: 'github',
      subject: 'repo',
      claims: { repository_id: '1' },
      roles: [],
      token: `sha256:${randomBytes(4).toString('hex')}`,
    },
    scope,
    scopeDigest: `sha256:${'0'.repeat(64)}`,
    environment,
    plan: planned.plan,
    intent: 'a test',
    usage: { liveGrants: 0, grantsLastDay: 0 },
    issuedAt: now,
    now,
  })
  if (decision.outcome !== 'allow') throw new Error(JSON.stringify(decision.reasons))
  return decision.grant
}

/** A connected client, or the SQLSTATE with which the server refused it. */
export async function refusalOf(attempt: Promise<unknown>): Promise<string | undefined> {
  try {
    await attempt
    return undefined
  } catch (error) {
    return error instanceof pg.DatabaseError ? error.code : String(error)
  }
}
