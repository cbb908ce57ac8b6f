import { canonicalHost } from '../../environment/postgres-connection.ts'
import { grantsMode } from '../../mint/postgres/mint.ts'
import { brokerSetupSql, delegationSql } from '../../plan/postgres/setup.ts'
import { type Cli, EXIT } from '../cli.ts'
import type { OutputFlag } from '../flags.ts'
import { findPlace, type Place, type PlaceFlags } from './place.ts'
import { printScripts, type Script } from './script.ts'

/** `credctl postgres setup TARGET --env E`: what DBA and owner run once. Prints, and runs nothing. */
export default async function setup(
  cli: Cli,
  flags: PlaceFlags & OutputFlag,
  target: string,
): Promise<number> {
  const place = await findPlace(flags, target)
  printScripts(cli, flags, place, [brokerScript(place), ...delegationScripts(place)], false)
  return EXIT.ok
}

function brokerScript(place: Place): Script {
  const admin = place.server.admin.user
  const as = `as a superuser or the master user; then give ${admin} its password with \\password`
  return { as, statements: brokerSetupSql({ admin, databases: databasesOfServer(place) }) }
}

/** Databases of the same server with the same admin: roles belong to the whole server. */
function databasesOfServer({ config, server }: Place): string[] {
  const here = `${canonicalHost(server.host)}:${server.port} ${server.admin.user}`
  const all = [...config.environments.values()].flatMap(({ targets }) => Object.values(targets))
  const same = all.flatMap((each) =>
    each.kind === 'postgres' &&
    `${canonicalHost(each.host)}:${each.port} ${each.admin.user}` === here
      ? [each.database]
      : [],
  )
  return [...new Set(same)].sort()
}

function delegationScripts(place: Place): Script[] {
  const { server, plans, environment } = place
  if (grantsMode(server, environment.class) === 'applied') return []
  const statements = plans.flatMap(({ plan }) => delegationSql(server.admin.user, plan))
  if (statements.length === 0) return []
  const as = `as the owner of the tables, in database ${server.database}`
  return [{ as, statements: [...new Set(statements)] }]
}
