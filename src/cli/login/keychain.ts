import { spawn } from 'node:child_process'
import type { TokenStore } from './store.ts'

/** One call of the system's tool. What is secret goes over stdin: arguments are for everyone to see. */
interface Call {
  readonly args: readonly string[]
  readonly stdin?: string
}

interface Tool {
  readonly command: string
  readonly keep: (broker: string, token: string) => Call
  readonly find: (broker: string) => Call
  readonly forget: (broker: string) => Call
}

const macItem = (broker: string) => ['-s', 'credctl', '-a', broker]
const linuxItem = (broker: string) => ['service', 'credctl', 'broker', broker]

export const TOOLS = {
  darwin: {
    command: '/usr/bin/security',
    // The tool's own -w is an argument or a prompt; its interactive mode reads commands from stdin.
    keep: (broker, token) => ({
      args: ['-i'],
      stdin: `add-generic-password -U -s credctl -a "${broker}" -w "${token}"\n`,
    }),
    find: (broker) => ({ args: ['find-generic-password', ...macItem(broker), '-w'] }),
    forget: (broker) => ({ args: ['delete-generic-password', ...macItem(broker)] }),
  },
  linux: {
    command: 'secret-tool',
    keep: (broker, token) => ({
      args: ['store', '--label', 'credctl sign-in', ...linuxItem(broker)],
      stdin: token,
    }),
    find: (broker) => ({ args: ['lookup', ...linuxItem(broker)] }),
    forget: (broker) => ({ args: ['clear', ...linuxItem(broker)] }),
  },
} as const satisfies Partial<Record<NodeJS.Platform, Tool>>

/** A keyring may ask its owner to unlock it. */
const TIMEOUT_MS = 60_000
const MAX_BYTES = 64 * 1024

/** The keychain of the operating system, through the tool that comes with it. */
export class Keychain implements TokenStore {
  readonly name = 'keychain'
  readonly #tool: Tool
  readonly #env: NodeJS.ProcessEnv

  constructor(tool: Tool, env: NodeJS.ProcessEnv) {
    this.#tool = tool
    this.#env = env
  }

  /** Read back, because the tools fail in ways that their exit status does not tell. */
  async keep(broker: string, token: string): Promise<boolean> {
    await this.#run(this.#tool.keep(broker, token))
    if ((await this.find(broker)) === token) return true
    await this.forget(broker)
    return false
  }

  async find(broker: string): Promise<string | undefined> {
    const found = (await this.#run(this.#tool.find(broker)))?.trim()
    return found === '' ? undefined : found
  }

  async forget(broker: string): Promise<void> {
    await this.#run(this.#tool.forget(broker))
  }

  /** What the tool printed; undefined when it is not there, fails or does not end. */
  #run({ args, stdin = '' }: Call): Promise<string | undefined> {
    return new Promise((resolve) => {
      const child = spawn(this.#tool.command, args, {
        stdio: ['pipe', 'pipe', 'ignore'],
        env: this.#env,
        // Not `timeout`: its timer outlives a tool that is not there, and keeps the process waiting.
        signal: AbortSignal.timeout(TIMEOUT_MS),
      })
      let text = ''
      child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk
        if (text.length > MAX_BYTES) child.kill()
      })
      child.once('error', () => resolve(undefined))
      child.once('close', (status) => resolve(status === 0 ? text : undefined))
      child.stdin.on('error', () => undefined)
      child.stdin.end(stdin)
    })
  }
}
