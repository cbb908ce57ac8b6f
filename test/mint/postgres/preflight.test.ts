import { readFileSync } from 'node:fs'
import { afterEach, describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import type { PostgresMint } from '../../../src/mint/postgres/mint.ts'
import { applySql } from '../../../src/plan/postgres/setup.ts'
import { testPostgres } from '../../support/postgres.ts'
import { createWorld, mintOn, type World } from './database.ts'

interface Case {
  readonly name: string
  readonly access?: unknown
  /** Run as superuser before the owner lets the broker pass on privileges. */
  readonly before?: string
  /** Run as superuser in the database before the preflight. */
  readonly given: string
  readonly finds: string
  readonly object: string
  readonly status?: 'blocks' | 'warns'
  /** Undone afterwards, where the database alone does not hold it. */
  readonly after?: string
}

const file = new URL('./preflight-cases.yaml', import.meta.url)
const cases = parse(readFileSync(file, 'utf8')) as readonly Case[]

const postgres = testPostgres()
const ACCESS = { tables: { 'public.orders': ['select', 'update', 'delete', 'insert'] } }

const open: PostgresMint[] = []
afterEach(async () => {
  for (const mint of open.splice(0)) await mint.close()
})
function opened(mint: PostgresMint): PostgresMint {
  open.push(mint)
  return mint
}

/** Runs ahead of the real clock, but within the bound that minting accepts. */
function clockAhead() {
  let ahead = 0
  return {
    now: () => new Date(Date.now() + ahead),
    later: () => {
      ahead += 1_100
    },
  }
}

async function prepared(access: unknown, given: string, before = 'SELECT 1'): Promise<World> {
  const world = await createWorld(postgres)
  await world.root.query(before)
  await world.delegate(access)
  await world.root.query(given)
  return world
}

describe('the preflight finds', () => {
  it.for(cases)('$name', async (each) => {
    const { access = ACCESS, finds, status, after } = each
    const world = await prepared(access, each.given, each.before)
    const object = each.object.replace('DATABASE', world.database)
    const mint = opened(world.mint())
    const findings = await mint.preflight(world.plan(access), 'nonprod')
    const found = findings.find((each) => each.finding === finds && each.object === object)
    expect(found, JSON.stringify(findings, null, 1)).toMatchObject({ status: status ?? 'blocks' })
    if (found?.fix !== undefined && !found.fix.startsWith('ALTER SYSTEM')) {
      await world.root.query(found.fix)
      const again = await mint.preflight(world.plan(access), 'nonprod')
      expect(again.filter((each) => each.finding === finds && each.object === object)).toEqual([])
    }
    if (after !== undefined) await world.root.query(after)
  })
})

describe("the preflight finds of the broker's own roles", () => {
  const objects = (world: World) => [world.admin.user, `${world.admin.user}_grants`]
  it.for([
    ['that one is a superuser', 0, (admin: string) => `ALTER ROLE ${admin} SUPERUSER`],
    [
      'that one may bypass row security',
      1,
      (admin: string) => `ALTER ROLE ${admin}_grants BYPASSRLS`,
    ],
    [
      'that one is a member of the owner',
      0,
      (admin: string) => `GRANT owner_${admin.slice(15)} TO ${admin}`,
    ],
    [
      'that somebody else can act as one',
      1,
      (admin: string) => `CREATE ROLE thief_${admin}; GRANT ${admin}_grants TO thief_${admin}`,
    ],
  ] as const)('%s', async ([, which, change]) => {
    const world = await prepared(ACCESS, 'SELECT 1')
    await world.root.query(change(world.admin.user))
    const findings = await opened(world.mint()).preflight(world.plan(ACCESS), 'nonprod')
    const found = findings.filter(({ finding }) => finding === 'broker_overprivileged')
    expect(found.map(({ object }) => object)).toEqual([objects(world)[which]])
    await world.root.query(found[0]?.fix ?? '')
    const after = await opened(world.mint()).preflight(world.plan(ACCESS), 'nonprod')
    expect(after.map(({ finding }) => finding)).not.toContain('broker_overprivileged')
  })
})

describe('minting', () => {
  it('passes on an ordinary database, with warnings only', async () => {
    const world = await prepared(ACCESS, 'SELECT 1')
    const findings = await opened(world.mint()).preflight(world.plan(ACCESS), 'nonprod')
    expect(findings.filter(({ status }) => status === 'blocks')).toEqual([])
    expect(findings.map(({ finding }) => finding)).toContain('temporary_objects')
  })

  it('is refused on a database restored from an old dump until the printed fix has run', async () => {
    const world = await prepared(ACCESS, 'GRANT CREATE ON SCHEMA public TO PUBLIC')
    const mint = opened(world.mint())
    await expect(mintOn(mint, world.grant(ACCESS))).rejects.toMatchObject({
      code: 'target_refused',
      message: expect.stringContaining('create objects in schema public'),
    })
    const [block] = (await mint.preflight(world.plan(ACCESS), 'nonprod')).filter(
      (f) => f.status === 'blocks',
    )
    await world.root.query(block?.fix ?? '')
    await mintOn(mint, world.grant(ACCESS))
  })

  it('says before the first mint what the owner has not delegated, each with its statement', async () => {
    const access = {
      tables: { 'public.orders': ['select'], 'public.customers': { select: ['id', 'name'] } },
      sequences: ['public.customers_id_seq'],
    }
    const world = await createWorld(postgres)
    const mint = opened(world.mint())
    const findings = await mint.preflight(world.plan(access), 'nonprod')
    const lacking = findings.filter(({ finding }) => finding === 'delegation_missing')
    expect(lacking.map(({ object }) => object).sort()).toEqual([
      'public.customers',
      'public.customers_id_seq',
      'public.orders',
    ])
    for (const { fix } of lacking) await world.root.query(fix ?? '')
    const after = await mint.preflight(world.plan(access), 'nonprod')
    expect(after.filter(({ status }) => status === 'blocks')).toEqual([])
    await mintOn(mint, world.grant(access))
  })

  it('is refused after the catalogue changed, although the preflight passed before', async () => {
    const world = await prepared(ACCESS, 'SELECT 1')
    const clock = clockAhead()
    const mint = opened(world.mint({}, clock))
    await mintOn(mint, world.grant(ACCESS))
    await world.root.query('ALTER TABLE orders RENAME TO orders_old')
    clock.later()
    await expect(mintOn(mint, world.grant(ACCESS))).rejects.toMatchObject({
      code: 'target_refused',
      message: expect.stringContaining('public.orders does not exist'),
    })
    await world.root.query('CREATE VIEW orders AS SELECT * FROM orders_old')
    await expect(mintOn(mint, world.grant(ACCESS))).rejects.toMatchObject({
      message: expect.stringContaining('public.orders is a view'),
    })
  })

  it('notices a privilege added to the group role, and never repairs it', async () => {
    const world = await prepared(ACCESS, 'SELECT 1')
    const clock = clockAhead()
    const mint = opened(world.mint({}, clock))
    await mintOn(mint, world.grant(ACCESS))
    const { groupRole } = world.plan(ACCESS)
    await world.root.query(`GRANT TRUNCATE ON orders TO ${groupRole}`)
    clock.later()
    await expect(mintOn(mint, world.grant(ACCESS))).rejects.toMatchObject({
      message: expect.stringContaining('TRUNCATE'),
    })
    const { rows } = await world.root.query(
      `SELECT has_table_privilege($1, 'orders', 'TRUNCATE') AS kept`,
      [groupRole],
    )
    expect(rows[0].kept).toBe(true)
  })

  it('goes on when an operator accepted the finding, and says so in the facts', async () => {
    const world = await prepared(
      ACCESS,
      'CREATE TABLE lookup (id int); GRANT SELECT ON lookup TO PUBLIC',
    )
    await expect(mintOn(opened(world.mint()), world.grant(ACCESS))).rejects.toThrow(/public.lookup/)
    const accept = [
      {
        finding: 'privilege_beyond_plan',
        object: 'public.lookup',
        reason: 'public data by design',
      },
    ]
    const { minted } = await mintOn(opened(world.mint({ accept })), world.grant(ACCESS))
    expect(minted.facts['accepted']).toBe('privilege_beyond_plan public.lookup')
  })

  it('accepts one object only when the operator named one', async () => {
    const world = await prepared(
      ACCESS,
      'CREATE TABLE a (); CREATE TABLE b (); GRANT SELECT ON a, b TO PUBLIC',
    )
    const accept = [
      { finding: 'privilege_beyond_plan', object: 'public.a', reason: 'public data by design' },
    ]
    await expect(mintOn(opened(world.mint({ accept })), world.grant(ACCESS))).rejects.toThrow(
      /public\.b/,
    )
  })

  it('in mode applied, waits for the DBA and then uses what the DBA made', async () => {
    const world = await createWorld(postgres, { environmentClass: 'prod' })
    const mint = opened(world.mint())
    await expect(mintOn(mint, world.grant(ACCESS))).rejects.toMatchObject({
      code: 'target_refused',
      hint: expect.stringContaining('credctl postgres apply'),
    })
    expect(await mint.preflight(world.plan(ACCESS), 'prod')).toContainEqual(
      expect.objectContaining({ finding: 'group_role', status: 'blocks' }),
    )
    for (const statement of applySql(world.admin.user, world.plan(ACCESS)))
      await world.root.query(statement)
    const { credential } = await mintOn(mint, world.grant(ACCESS))
    const client = await world.login(credential)
    expect((await client.query('SELECT * FROM orders')).rowCount).toBe(20)
    const admin = await world.login({ ...credential, ...world.admin })
    await expect(admin.query('SELECT * FROM orders')).rejects.toThrow(/permission denied/)
  })
})
