import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { endGrant, type HeldGrant } from '../../client/grant.ts'
import { CredctlError } from '../../errors.ts'
import { connectionTo } from '../broker/grant.ts'
import { passedOn } from '../exec/watch.ts'

const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
const HOLDER = fileURLToPath(new URL(`./holder.${extension}`, import.meta.url))

/** What it needs to find its places; nothing else is inherited. */
const PLACES = ['HOME', 'XDG_RUNTIME_DIR', 'XDG_STATE_HOME']

/** What the process says when the task can be used. */
export const READY = 'ready'

/**
 * Starts the process that holds a task after this one has ended. Resolves when the task can be used;
 * otherwise the grant is ended.
 */
export async function startHolder(
  env: NodeJS.ProcessEnv,
  broker: string,
  grant: HeldGrant,
): Promise<void> {
  const holder = spawn(process.execPath, [HOLDER], {
    stdio: ['pipe', 'pipe', 'ignore'],
    detached: true,
    cwd: '/',
    env: passedOn(env, PLACES),
  })
  // Over the pipe: nothing secret is an argument or a variable.
  holder.stdin.on('error', () => undefined).end(JSON.stringify(messageOf(broker, grant)))
  holder.stdout.setEncoding('utf8')
  const said = await new Promise<string>((resolve) => {
    let text = ''
    holder.stdout.on('data', (chunk: string) => {
      text += chunk
      if (text.includes('\n')) resolve(text.trim())
    })
    holder.once('error', () => resolve('it could not be started'))
    holder.once('close', () => resolve(text.trim()))
  })
  holder.stdout.destroy()
  holder.unref()
  if (said === READY) return
  await endGrant(connectionTo(broker), grant.token, grant.id).catch(() => undefined)
  throw new CredctlError('unavailable', `the task could not be held: ${said || 'no answer'}`)
}

function messageOf(broker: string, { id, token, expiresAt, targets }: HeldGrant) {
  return { broker, id, token, expires_at: expiresAt.toISOString(), targets }
}
