import pg from 'pg'
import type { PostgresCredential } from '../../src/mint/mint.ts'
import { personApproves } from './approval.ts'
import type { Client, Grant } from './client.ts'
import { inspectLog, recordedReasons } from './log.ts'
import type { Narration } from './print.ts'
import type { World } from './world.ts'

const INTENT = 'recompute totals of orders placed before the currency fix'
const BACKFILL = {
  scope: 'backfill-order-totals',
  intent: INTENT,
  parameters: { ticket: 'ORD-481' },
}

/** The main job, one real thing after the other. */
export async function walk(world: World, tell: Narration): Promise<void> {
  const grant = await agentTakesScope(world, tell)
  const login = await agentWorks(world, tell, grant)
  try {
    await agentTriesMore(world, tell, grant, login)
    await agentAsksForProd(world, tell)
    await ciDeploys(world, tell)
    await personApproves(world, tell)
    await taskEnds(world, tell, grant, login)
  } finally {
    await login.client.end().catch(() => undefined)
  }
  tell.step('A stranger verifies the log')
  await inspectLog(world, tell)
}

interface Login {
  readonly credential: PostgresCredential
  readonly client: pg.Client
}

async function agentTakesScope(world: World, tell: Narration): Promise<Grant> {
  tell.step('An agent asks for backfill-order-totals in staging')
  tell.say('Its platform gave it an identity token. It holds no password and no key.')
  const answer = await world.client.requestGrant(world.tokens.agent, {
    ...BACKFILL,
    environment: 'staging',
  })
  if (!('token' in answer)) {
    tell.works('POST /token', answer.reasons.join('; '), false)
    throw new Error('the tour cannot go on without a grant')
  }
  const minutes = Math.round(answer.expiresIn / 60)
  tell.works('POST /token', `grant ${answer.id}, for ${minutes} minutes: ${answer.reach}`, true)
  return answer
}

async function agentWorks(world: World, tell: Narration, grant: Grant): Promise<Login> {
  const credential = await world.client.postgresCredential(grant, 'orders-db')
  tell.works(
    'GET /v1/credentials/orders-db',
    `login ${credential.user} on ${credential.database}`,
    true,
  )
  const client = await connect(credential)
  await attempt(client, tell, {
    sql: 'SELECT count(*)::int AS wrong FROM orders WHERE currency <> $$EUR$$ AND total = amount',
    expect: 'allowed',
    show: (rows) => `${rows[0]?.['wrong']} orders have a total that was never converted`,
  })
  await attempt(client, tell, {
    sql: 'UPDATE orders o SET total = round(o.amount / r.rate, 2) FROM currency_rates r WHERE r.currency = o.currency',
    expect: 'allowed',
    show: (_rows, count) => `${count} rows updated`,
  })
  return { credential, client }
}

async function agentTriesMore(world: World, tell: Narration, grant: Grant, login: Login) {
  tell.step('The same login tries everything else, and PostgreSQL refuses')
  const refused = [
    'DROP TABLE orders',
    'DELETE FROM orders',
    'TRUNCATE orders',
    'ALTER TABLE orders ADD COLUMN note text',
    'SELECT email, password_hash FROM users',
    'CREATE TABLE copied AS SELECT * FROM orders',
    'CREATE ROLE helper LOGIN SUPERUSER',
    `COPY orders TO PROGRAM 'cat > /tmp/orders'`,
  ]
  for (const sql of refused) await attempt(login.client, tell, { sql, expect: 'refused' })

  const elsewhere = { ...login.credential, database: world.databases.shop.prod }
  const outcome = await connect(elsewhere).then(closeAgain, messageOf)
  tell.refused('connect to orders_prod with this login', outcome, outcome.startsWith('42501'))

  const target = await world.client.fetchCredential(grant, 'billing')
  const answer = `${target.status} ${String(target.body['detail'] ?? target.body['title'])}`
  tell.refused('GET /v1/credentials/billing', answer, target.status === 404)
}

async function agentAsksForProd(world: World, tell: Narration): Promise<void> {
  tell.step('The same agent asks for prod')
  const answer = await world.client.requestGrant(world.tokens.agent, {
    ...BACKFILL,
    environment: 'prod',
  })
  tell.refused('POST /token, environment prod', reasonsOf(answer), !('token' in answer))
  const recorded = 'token' in answer ? [] : await recordedReasons(world, answer.id)
  const invariant = recorded.some((reason) => reason.startsWith('prod_for_agent_or_local'))
  tell.works('what the log says about it', recorded.join('\n'), invariant)

  const hidden = await world.client.requestGrant(world.tokens.agent, {
    scope: 'deploy-web',
    environment: 'prod',
    intent: 'ship it',
    parameters: {},
  })
  tell.refused(
    'POST /token, scope deploy-web (not its own)',
    reasonsOf(hidden),
    !('token' in hidden),
  )

  const wildcard = await world.client.requestGrant(world.tokens.agent, {
    ...BACKFILL,
    environment: 'staging',
    parameters: { ticket: '*' },
  })
  tell.refused('POST /token, parameter ticket = *', reasonsOf(wildcard), !('token' in wildcard))
}

async function ciDeploys(world: World, tell: Narration): Promise<void> {
  tell.step('A CI job on the main branch takes deploy-web in prod')
  const task = {
    scope: 'deploy-web',
    environment: 'prod',
    intent: 'deploy build 812',
    parameters: {},
  }
  const fork = await world.client.requestGrant(world.tokens.pullRequest, task)
  tell.refused('the same from a pull request', reasonsOf(fork), !('token' in fork))

  const answer = await world.client.requestGrant(world.tokens.ci, task)
  tell.works('POST /token', 'token' in answer ? answer.reach : reasonsOf(answer), 'token' in answer)
  if (!('token' in answer)) return
  const client = await connect(await world.client.postgresCredential(answer, 'orders-db'))
  await attempt(client, tell, {
    sql: `INSERT INTO deployments (build) VALUES ('812') RETURNING id`,
    expect: 'allowed',
    show: (rows) => `deployment ${rows[0]?.['id']} noted in ${world.databases.shop.prod}`,
  })
  await attempt(client, tell, { sql: 'SELECT * FROM orders', expect: 'refused' })
  await client.end()
  const aws = await world.client.fetchCredential(answer, 'web')
  const key = String(aws.body['AccessKeyId'])
  tell.works(
    'GET /v1/credentials/web',
    `AWS session ${key} until ${String(aws.body['Expiration'])}, policy of ${world.sts.sessions.at(-1)?.policy.length} characters (a stand-in answers for AWS here)`,
    aws.status === 200,
  )
  const ended = await world.client.endGrant(answer)
  tell.works(`DELETE /v1/grants/${answer.id}`, ended.text, ended.ok)
}

async function taskEnds(world: World, tell: Narration, grant: Grant, login: Login): Promise<void> {
  tell.step('The task ends; its open connection dies with it')
  const ended = await world.client.endGrant(grant)
  tell.works(`DELETE /v1/grants/${grant.id}`, ended.text, ended.ok)
  await attempt(login.client, tell, { sql: 'SELECT 1 FROM orders', expect: 'refused' })
  const again = await connect(login.credential).then(closeAgain, messageOf)
  tell.refused('log in again', again, again.startsWith('28'))
  const { rows } = await world.databases.query(
    'postgres',
    `SELECT count(*)::int AS left FROM pg_roles WHERE rolname LIKE 'cbg\\_%'`,
  )
  tell.works('logins left in the database', String(rows[0]?.left), rows[0]?.left === 0)
}

interface Attempt {
  readonly sql: string
  readonly expect: 'allowed' | 'refused'
  readonly show?: (rows: readonly Record<string, unknown>[], count: number) => string
}

/** Runs one statement and tells what PostgreSQL said, in its own words. */
export async function attempt(client: pg.Client, tell: Narration, { sql, expect, show }: Attempt) {
  try {
    const { rows, rowCount } = await client.query(sql)
    const outcome = show?.(rows, rowCount ?? 0) ?? `${rowCount} rows`
    if (expect === 'allowed') tell.works(sql, outcome, true)
    else tell.refused(sql, outcome, false)
  } catch (error) {
    if (expect === 'refused') tell.refused(sql, messageOf(lastWords.get(client) ?? error), true)
    else tell.works(sql, messageOf(error), false)
  }
}

/** What the server said as it ended a connection. */
const lastWords = new WeakMap<pg.Client, Error>()

export async function connect(credential: PostgresCredential): Promise<pg.Client> {
  const { host, port, database, user, password } = credential
  const client = new pg.Client({ host, port, database, user, password })
  // The broker ends this session when the task ends: that is the point, not a crash.
  client.on('error', (error) => {
    if (!lastWords.has(client)) lastWords.set(client, error)
  })
  await client.connect()
  return client
}

async function closeAgain(client: pg.Client): Promise<string> {
  await client.end()
  return 'connected'
}

function messageOf(error: unknown): string {
  if (error instanceof pg.DatabaseError) return `${error.code} ${error.message}`
  return error instanceof Error ? error.message : String(error)
}

export function reasonsOf(answer: Awaited<ReturnType<Client['requestGrant']>>): string {
  return 'token' in answer ? 'granted' : answer.reasons.join('\n')
}
