import { type Application, buildApplication, type RouteMap, text_en } from '@stricli/core'
import type { Cli } from './cli.ts'

/** A command line with these commands. */
export function applicationOf(root: RouteMap<Cli>): Application<Cli> {
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
  const { readFile } = await import('node:fs/promises')
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
