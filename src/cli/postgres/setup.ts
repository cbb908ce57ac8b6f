import { canonicalHost } from '../../environment/postgres-connection.ts'
import { grantsMode } from '../../mint/postgres/mint.ts'
import { brokerSetupSql, delegationSql, vaultSetupSql } from '../../plan/postgres/setup.ts'
import { type Cli, EXIT } from '../cli.ts'
import type { OutputFlag } from '../flags.ts'
import { findPlace, makerOf, type Place, type PlaceFlags, type Server } from './place.ts'
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
  const { server } = place
  const maker = makerOf(server)
  const databases = databasesOfServer(place)
  const as = `as a superuser or the master user; then give ${maker} its password with \\password`
  if (server.kind === 'vault_postgres') return { as, statements: vaultSetupSql(maker, databases) }
  return { as, statements: brokerSetupSql({ admin: maker, databases }) }
}

/** Databases of the same server with the same maker: roles belong to the whole server. */
function databasesOfServer({ config, server }: Place): string[] {
  const all = [...config.environments.values()].flatMap(({ targets }) => Object.values(targets))
  const same = all.flatMap((each) =>
    (each.kind === 'postgres' || each.kind === 'vault_postgres') &&
    serverKey(each) === serverKey(server)
      ? [each.database]
      : [],
  )
  return [...new Set(same)].sort()
}

function serverKey(server: Server): string {
  const maker = server.kind === 'postgres' ? server.admin.user : server.vault_user
  return JSON.stringify([server.kind, canonicalHost(server.host), server.port, maker])
}

function delegationScripts(place: Place): Script[] {
  const { server, plans, environment } = place
  if (server.kind !== 'postgres' || grantsMode(server, environment.class) === 'applied') return []
  const statements = plans.flatMap(({ plan }) => delegationSql(server.admin.user, plan))
  if (statements.length === 0) return []
  const as = `as the owner of the tables, in database ${server.database}`
  return [{ as, statements: [...new Set(statements)] }]
}
