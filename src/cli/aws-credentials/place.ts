import { createHash } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import type { AwsCredentialsFlags } from './flags.ts'
import { credentialFile, keptDirectory } from './shortcut.ts'

/** Where the grant of a task and the credential of its target are kept between calls. */
export interface Place {
  readonly grant: string
  readonly credential: string
  readonly lock: string
}

/** For when somebody else signs in: what is kept is in the name of whoever asked. */
export async function forgetCredentials(env: NodeJS.ProcessEnv): Promise<void> {
  await rm(keptDirectory(env), { recursive: true, force: true })
}

/** One place for each task: whatever a grant depends on is part of its name. */
export function placeOf(
  env: NodeJS.ProcessEnv,
  broker: string,
  flags: AwsCredentialsFlags & { readonly intent: string },
): Place {
  const { scope, env: environment, intent, callerClass, param = [] } = flags
  const parameters = [...param].sort(([a], [b]) => (a < b ? -1 : 1))
  const who = identitySource(env, flags)
  const task = [broker, who, scope, environment, intent, callerClass ?? '', parameters]
  const name = createHash('sha256').update(JSON.stringify(task)).digest('hex')
  const path = join(keptDirectory(env), name)
  return {
    grant: `${path}.grant`,
    credential: credentialFile(env, process.argv.slice(2)),
    lock: `${path}.lock`,
  }
}

/** What names the caller: reading the token itself may mean to ask a keychain. */
function identitySource(env: NodeJS.ProcessEnv, flags: AwsCredentialsFlags): string {
  const file = flags.identityTokenFile ?? env['CREDCTL_IDENTITY_TOKEN_FILE']
  if (file) return `file ${resolve(file)}`
  return env['ACTIONS_ID_TOKEN_REQUEST_URL'] ? 'job' : 'login'
}
