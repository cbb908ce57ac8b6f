import { homedir } from 'node:os'
import { isAbsolute, join } from 'node:path'

/** Where what outlives a command is kept, for this user alone (XDG Base Directory Specification). */
export function stateDirectory(env: NodeJS.ProcessEnv): string {
  const configured = env['XDG_STATE_HOME']
  const base =
    configured !== undefined && isAbsolute(configured)
      ? configured
      : join(homedir(), '.local', 'state')
  return join(base, 'credctl')
}
