import { type ChildProcess, spawn } from 'node:child_process'
import { constants } from 'node:os'
import { CredctlError } from '../../errors.ts'

const FORWARDED = ['SIGHUP', 'SIGINT', 'SIGQUIT', 'SIGTERM', 'SIGUSR1', 'SIGUSR2'] as const
type Forwarded = (typeof FORWARDED)[number]

/** A terminal sends these to the whole group: the command has them already. */
const FROM_TERMINAL: readonly Forwarded[] = ['SIGINT', 'SIGQUIT', 'SIGHUP']

/** What a shell gives for a command that cannot be started. */
const NOT_STARTED = { ENOENT: 127, other: 126 } as const

/**
 * Takes signals from now on: they never end this process before its grant is ended. They go to
 * the command; one that came before it ran keeps it from starting.
 */
export class Signals {
  #child: ChildProcess | undefined
  readonly #came = new AbortController()
  readonly #handlers = FORWARDED.map((signal) => [signal, () => this.#receive(signal)] as const)

  constructor() {
    for (const [signal, handler] of this.#handlers) process.on(signal, handler)
  }

  /** Aborted by a signal that came before the command ran; the reason is its name. */
  get early(): AbortSignal {
    return this.#came.signal
  }

  get earlyStatus(): number {
    return 128 + constants.signals[this.early.reason as Forwarded]
  }

  /** Runs the command on our own terminal; gives its status, 128 and the signal that ended it. */
  async run(argv: readonly [string, ...string[]], env: NodeJS.ProcessEnv): Promise<number> {
    if (this.early.aborted) return this.earlyStatus
    const [file, ...args] = argv
    const child = spawn(file, args, { stdio: 'inherit', env })
    this.#child = child
    return await new Promise((resolve) => {
      child.once('error', (error: NodeJS.ErrnoException) => resolve(notStarted(file, error)))
      child.once('exit', (status, signal) => {
        resolve(signal === null ? (status ?? 1) : 128 + constants.signals[signal])
      })
    })
  }

  release(): void {
    for (const [signal, handler] of this.#handlers) process.off(signal, handler)
  }

  #receive(signal: Forwarded): void {
    if (this.#child === undefined) this.#came.abort(signal)
    else if (!(process.stdin.isTTY && FROM_TERMINAL.includes(signal))) this.#child.kill(signal)
  }
}

function notStarted(file: string, { code }: NodeJS.ErrnoException): number {
  const why = code === 'ENOENT' ? 'there is no such command' : String(code)
  process.stderr.write(`credctl: cannot start ${JSON.stringify(file)}: ${why}\n`)
  return code === 'ENOENT' ? NOT_STARTED.ENOENT : NOT_STARTED.other
}

/** At least a command, as the parser's list cannot say. */
export function commandOf(argv: readonly string[]): [string, ...string[]] {
  const [file, ...args] = argv
  if (file !== undefined && file !== '') return [file, ...args]
  throw new CredctlError('usage', 'no command is given', {
    hint: 'Write it after --: credctl exec --scope S --env E -- COMMAND',
  })
}
