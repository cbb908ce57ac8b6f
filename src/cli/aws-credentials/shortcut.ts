import { createHash } from 'node:crypto'
import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { isAbsolute, join } from 'node:path'
import { isatty } from 'node:tty'

// SDKs wait for this command whenever they refresh. A call that was made before, word for word, is
// answered from here, with nothing loaded that parses command lines or speaks to brokers.

/** Variables that say who asks whom, beside the command line. */
const MATTERS = [
  'CREDCTL_BROKER',
  'CREDCTL_GRANT',
  'CREDCTL_IDENTITY_TOKEN_FILE',
  'ACTIONS_ID_TOKEN_REQUEST_URL',
]

/** In the user's own runtime directory where there is one: it is never on a disk. */
export function keptDirectory(env: NodeJS.ProcessEnv): string {
  const runtime = absolute(env['XDG_RUNTIME_DIR'])
  const state = absolute(env['XDG_STATE_HOME']) ?? join(homedir(), '.local', 'state')
  return join(runtime ?? state, 'credctl', 'aws-credentials')
}

function absolute(path: string | undefined): string | undefined {
  return path !== undefined && isAbsolute(path) ? path : undefined
}

/** Where the credential of this very command line is kept. */
export function credentialFile(env: NodeJS.ProcessEnv, argv: readonly string[]): string {
  const call = [argv, process.cwd(), MATTERS.map((name) => env[name] ?? null)]
  const name = createHash('sha256').update(JSON.stringify(call)).digest('hex')
  return join(keptDirectory(env), `${name}.credential`)
}

/** The answer to this command line, if it is kept and not soon to be renewed. */
export function keptAnswer(env: NodeJS.ProcessEnv, argv: readonly string[]): string | undefined {
  if (isatty(1)) return undefined
  try {
    const { output, renewAt } = JSON.parse(readOwn(credentialFile(env, argv)))
    return renewAt > Date.now() ? JSON.stringify(output) : undefined
  } catch {
    // Whatever is wrong with it, the long way says so.
    return undefined
  }
}

function readOwn(path: string): string {
  const file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW)
  try {
    const { uid, mode } = fstatSync(file)
    const me = process.getuid?.()
    if (me !== undefined && (uid !== me || (mode & 0o077) !== 0)) return ''
    return readFileSync(file, 'utf8')
  } finally {
    closeSync(file)
  }
}
