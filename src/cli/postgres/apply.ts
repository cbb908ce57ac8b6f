import { CredctlError } from '../../errors.ts'
import { openAdmin } from '../../mint/postgres/admin.ts'
import { groupExists } from '../../mint/postgres/preflight.ts'
import { runScript } from '../../mint/postgres/script.ts'
import type { PostgresPlan } from '../../plan/postgres/plan.ts'
import { applySql, vaultApplySql } from '../../plan/postgres/setup.ts'
import { secretResolver } from '../../secret/resolve.ts'
import { type Cli, EXIT } from '../cli.ts'
import type { OutputFlag } from '../flags.ts'
import { note } from '../terminal.ts'
import { asLogin, type LoginFlags } from './login.ts'
import { findPlace, makerOf, type Place, type PlaceFlags, type Server } from './place.ts'
import { digestOfScripts, printScripts, type Script } from './script.ts'

type Flags = PlaceFlags & LoginFlags & OutputFlag & { readonly digest?: string }

/**
 * `credctl postgres apply TARGET --env E`: the group roles of every scope. Without --digest it
 * prints them for review; with the digest that was reviewed it runs exactly those.
 */
export default async function apply(cli: Cli, flags: Flags, target: string): Promise<number> {
  const place = await findPlace(flags, target)
  const script = scriptOf(place)
  const applied = flags.digest !== undefined
  if (applied) {
    refuseOtherDigest(flags.digest, digestOfScripts([script]))
    const created = await createMissing(cli, flags, place)
    note(cli, `${created} group roles created, ${place.plans.length - created} were there`)
  }
  printScripts(cli, flags, place, [script], applied)
  return EXIT.ok
}

function scriptOf({ server, plans }: Place): Script {
  const statements = plans.flatMap(({ plan }) => groupSql(server, plan))
  const as = `as a DBA with rights on the tables, in database ${server.database}`
  return { as, statements: [...new Set(statements)] }
}

function groupSql(server: Server, plan: PostgresPlan): string[] {
  const maker = makerOf(server)
  return server.kind === 'postgres' ? applySql(maker, plan) : vaultApplySql(maker, plan)
}

function refuseOtherDigest(reviewed: string | undefined, present: string): void {
  if (reviewed === present) return
  throw new CredctlError('plan_changed', 'the statements are not the ones that were reviewed', {
    hint: `Review them again: their digest is ${present} now.`,
  })
}

/**
 * A group role is named after its content: one that is there is the right one, or is refused later.
 * Vault's role may not have been given it yet, where the broker made the logins before.
 */
async function createMissing(cli: Cli, flags: Flags, { server, plans }: Place): Promise<number> {
  const login = asLogin(server, flags)
  const resolve = secretResolver(cli.process.env)
  const admin = openAdmin(login, resolve)
  try {
    const statements: string[] = []
    let created = 0
    for (const plan of new Map(plans.map(({ plan }) => [plan.groupRole, plan])).values()) {
      const there = await groupExists(admin, plan.groupRole)
      const sql = groupSql(server, plan)
      if (!there) statements.push(...sql)
      else if (server.kind === 'vault_postgres') statements.push(...sql.slice(-1))
      created += there ? 0 : 1
    }
    if (statements.length > 0) await runScript(login, resolve, statements)
    return created
  } finally {
    await admin.close()
  }
}
