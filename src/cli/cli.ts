import type { StricliProcess } from '@stricli/core'

/** What a command sees of the world. */
export interface Cli {
  readonly process: StricliProcess & {
    readonly stdin: NodeJS.ReadStream
    readonly stdout: NodeJS.WriteStream
    readonly stderr: NodeJS.WriteStream
    readonly env: NodeJS.ProcessEnv
  }
}

/** 1 is a refusal or a failed check, 2 a command line that says nothing. */
export const EXIT = { ok: 0, failed: 1, usage: 2 } as const

/** A command: prints its answer and gives the exit status; what it throws is reported for it. */
export type Run<Flags, Args extends readonly unknown[] = []> = (
  cli: Cli,
  flags: Flags,
  ...args: Args
) => Promise<number>
