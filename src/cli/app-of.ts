import { type Application, buildRouteMap, type Command } from '@stricli/core'
import { applicationOf } from './application.ts'
import type { Cli } from './cli.ts'

/**
 * The command line with one command alone: for commands that programs wait for, where the routes of
 * all others take longer to load than they run.
 */
export function appOf(name: string, command: Command<Cli>): Application<Cli> {
  const routes = { [name]: command }
  return applicationOf(buildRouteMap<string, Cli>({ routes, docs: { brief: name } }))
}
