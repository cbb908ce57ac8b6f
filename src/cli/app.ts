import { type Application, buildRouteMap } from '@stricli/core'
import { applicationOf } from './application.ts'
import { approvalRoutes } from './approval/routes.ts'
import { awsCredentialsCommand } from './aws-credentials/routes.ts'
import type { Cli } from './cli.ts'
import { completionRoutes } from './completion/routes.ts'
import { doctorRoutes } from './doctor/routes.ts'
import { execCommand } from './exec/routes.ts'
import { grantRoutes } from './grant/routes.ts'
import { initCommand } from './init/routes.ts'
import { logRoutes } from './log/routes.ts'
import { loginCommand } from './login/routes.ts'
import { mcpCommand } from './mcp/routes.ts'
import { mysqlRoutes } from './mysql/routes.ts'
import { postgresRoutes } from './postgres/routes.ts'
import { scopeRoutes } from './scope/routes.ts'
import { migrateCommand, serveCommand } from './serve/routes.ts'
import { taskRoutes } from './task/routes.ts'
import { tokenRoutes } from './token/routes.ts'
import { windowsRoutes } from './windows/routes.ts'

const root = buildRouteMap<string, Cli>({
  routes: {
    exec: execCommand,
    'aws-credentials': awsCredentialsCommand,
    mcp: mcpCommand,
    task: taskRoutes,
    login: loginCommand,
    init: initCommand,
    scope: scopeRoutes,
    grant: grantRoutes,
    approval: approvalRoutes,
    log: logRoutes,
    serve: serveCommand,
    migrate: migrateCommand,
    doctor: doctorRoutes,
    postgres: postgresRoutes,
    mysql: mysqlRoutes,
    token: tokenRoutes,
    windows: windowsRoutes,
    completion: completionRoutes,
  },
  docs: {
    brief: 'Credentials with a declared blast radius',
    fullDescription:
      'A broker that gives agents, CI jobs and services short-lived credentials for reviewed task scopes.',
  },
})

/** The command line as data: what is here exists, and the reference in docs/cli.md is made of it. */
export function createApp(): Application<Cli> {
  return applicationOf(root)
}
