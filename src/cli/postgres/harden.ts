import { runScript } from '../../mint/postgres/script.ts'
import { hardenSql, unhardenSql } from '../../plan/postgres/harden.ts'
import { vaultAfterHardeningSql } from '../../plan/postgres/setup.ts'
import { secretResolver } from '../../secret/resolve.ts'
import { type Cli, EXIT } from '../cli.ts'
import type { OutputFlag } from '../flags.ts'
import { note } from '../terminal.ts'
import { asLogin, type LoginFlags } from './login.ts'
import { findPlace, makerOf, type PlaceFlags, type Server } from './place.ts'
import { printScripts } from './script.ts'

type Flags = PlaceFlags &
  LoginFlags &
  OutputFlag & { readonly apply: boolean; readonly undo: boolean }

/** `credctl postgres harden TARGET --env E`: prints the script; runs it with --apply alone. */
export default async function harden(cli: Cli, flags: Flags, target: string): Promise<number> {
  const place = await findPlace(flags, target)
  const statements = flags.undo ? unhardenSql() : hardening(place.server)
  const as = `as a superuser or the master user, in database ${place.server.database}`
  if (flags.apply) {
    const login = asLogin(place.server, flags)
    await runScript(login, secretResolver(cli.process.env), statements)
    note(cli, `${flags.env}.${target} is ${flags.undo ? 'as it was before' : 'hardened'}`)
  }
  printScripts(cli, flags, place, [{ as, statements }], flags.apply)
  return EXIT.ok
}

function hardening(server: Server): string[] {
  const maker = makerOf(server)
  const more = server.kind === 'vault_postgres' ? vaultAfterHardeningSql(maker) : []
  return [...hardenSql(maker), ...more]
}
