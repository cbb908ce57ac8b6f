import { type Application, ExitCode, run } from '@stricli/core'
import { type Cli, EXIT } from './cli.ts'

/** Runs one command line. Exit status: 0 success, 1 a refusal or a failed check, 2 wrong usage. */
const { stdout, stderr, env } = process
stdout.on('error', endOnClosedPipe)
stderr.on('error', endOnClosedPipe)
const cli: Cli = {
  process: {
    // Opened when a command reads it: most never do.
    get stdin() {
      return process.stdin
    },
    stdout,
    stderr,
    env,
  },
}
const argv = process.argv.slice(2)
await run(await appFor(argv[0]), argv, cli)
process.exitCode = statusOf(cli.process.exitCode)

function statusOf(code: Cli['process']['exitCode']): number {
  if (code === ExitCode.InvalidArgument || code === ExitCode.UnknownCommand) return EXIT.usage
  return typeof code === 'number' && code >= 0 ? code : EXIT.failed
}

/** `credctl … | head` ends the reader first: that is no failure of ours. */
function endOnClosedPipe(error: NodeJS.ErrnoException): void {
  if (error.code === 'EPIPE') process.exit()
  throw error
}

/** Commands that programs wait for have an application of their own. */
async function appFor(name: string | undefined): Promise<Application<Cli>> {
  if (name !== 'exec' && name !== 'aws-credentials') return (await import('./app.ts')).createApp()
  const { appOf } = await import('./app-of.ts')
  return name === 'exec'
    ? appOf(name, (await import('./exec/routes.ts')).execCommand)
    : appOf(name, (await import('./aws-credentials/routes.ts')).awsCredentialsCommand)
}
