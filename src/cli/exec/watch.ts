import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { HeldGrant } from '../broker/grant.ts'

/** Sees to it that a grant ends although its `credctl exec` was killed. */
export interface Watch {
  /** This directory is to be removed as well. */
  clean(directory: string): void
  /** Everything is ended and removed: nothing to do. */
  done(): void
}

const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
const WATCHER = fileURLToPath(new URL(`./watcher.${extension}`, import.meta.url))

/** Needed to reach the broker as we do; nothing else is inherited. */
const PASSED_ON = ['NODE_EXTRA_CA_CERTS', 'SSL_CERT_FILE', 'SSL_CERT_DIR']

/** The environment of a process in the background: what reaches the broker, and these. */
export function passedOn(env: NodeJS.ProcessEnv, names: readonly string[]): NodeJS.ProcessEnv {
  return Object.fromEntries([...PASSED_ON, ...names].map((name) => [name, env[name]]))
}

/** Starts the watcher, detached: a signal to our process group or terminal does not reach it. */
export function startWatch(env: NodeJS.ProcessEnv, broker: string, grant: HeldGrant): Watch {
  const watcher = spawn(process.execPath, [WATCHER], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
    cwd: '/',
    env: passedOn(env, []),
  })
  // Without a watcher exec still cleans up after itself; only a kill -9 is not covered then.
  watcher.on('error', () => undefined)
  watcher.stdin.on('error', () => undefined)
  watcher.unref()
  const tell = (message: unknown) => watcher.stdin.write(`${JSON.stringify(message)}\n`)
  tell({ broker, id: grant.id, token: grant.token })
  return {
    clean: (directory) => void tell({ directory }),
    done: () => void watcher.stdin.end('"done"\n'),
  }
}
