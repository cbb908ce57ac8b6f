import { readFile } from 'node:fs/promises'
import { type Application, buildApplication, buildRouteMap, text_en } from '@stricli/core'
import { awsCredentialsCommand } from './aws-credentials/routes.ts'
import type { Cli } from './cli.ts'
import { completionRoutes } from './completion/routes.ts'
import { doctorRoutes } from './doctor/routes.ts'
import { execCommand } from './exec/routes.ts'
import { grantRoutes } from './grant/routes.ts'
import { initCommand } from './init/routes.ts'
import { logRoutes } from './log/routes.ts'
import { loginCommand } from './login/routes.ts'
import { postgresRoutes } from './postgres/routes.ts'
import { scopeRoutes } from './scope/routes.ts'
import { migrateCommand, serveCommand } from './serve/routes.ts'
import { tokenRoutes } from './token/routes.ts'
import { windowsRoutes } from './windows/routes.ts'

const root = buildRouteMap<string, Cli>({
  routes: {
    exec: execCommand,
    'aws-credentials': awsCredentialsCommand,
    login: loginCommand,
    init: initCommand,
    scope: scopeRoutes,
    grant: grantRoutes,
    log: logRoutes,
    serve: serveCommand,
    migrate: migrateCommand,
    doctor: doctorRoutes,
    postgres: postgresRoutes,
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
  return buildApplication(root, {
    name: 'credctl',
    versionInfo: { getCurrentVersion: packageVersion },
    scanner: { caseStyle: 'allow-kebab-for-camel', allowArgumentEscapeSequence: true },
    documentation: { disableAnsiColor: true },
    localization: { text: TEXT },
  })
}

/** Read when it is asked for: most command lines do not. */
async function packageVersion(): Promise<string> {
  const text = await readFile(new URL('../../package.json', import.meta.url), 'utf8')
  const { version } = JSON.parse(text) as { version: string }
  return version
}

const TEXT: typeof text_en = {
  ...text_en,
  exceptionWhileParsingArguments(exception, ansiColor) {
    const message = text_en.exceptionWhileParsingArguments.call(this, exception, ansiColor)
    return `credctl: ${message}; --help shows what is accepted`
  },
  noCommandRegisteredForInput(args) {
    return `credctl: ${text_en.noCommandRegisteredForInput(args)}; --help lists the commands`
  },
  exceptionWhileLoadingCommandFunction(exception, ansiColor) {
    return `credctl: ${text_en.exceptionWhileLoadingCommandFunction.call(this, exception, ansiColor)}`
  },
}
