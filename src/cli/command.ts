import {
  type BaseFlags,
  buildCommand,
  type Command,
  type TypedCommandParameters,
} from '@stricli/core'
import type { Cli, Run } from './cli.ts'
import type { LintFormat, OutputFlag } from './flags.ts'

type AnyOutput = OutputFlag | { readonly output: LintFormat }

interface Declaration<Flags extends BaseFlags, Args extends readonly unknown[]> {
  /** Loads the command when it is called: no command pays for another's dependencies. */
  readonly run: () => Promise<{ readonly default: Run<Flags, Args> }>
  readonly parameters: NoInfer<TypedCommandParameters<Flags, Args, Cli>>
  readonly docs: Parameters<typeof buildCommand>[0]['docs'] & {
    /** Command lines that somebody would type; the help shows them. */
    readonly examples: readonly string[]
  }
}

/** A command whose failures are reported, and whose result is the exit status of the process. */
export function command<Flags extends AnyOutput & BaseFlags, Args extends readonly unknown[]>({
  run,
  parameters,
  docs,
}: Declaration<Flags, Args>): Command<Cli> {
  const loader = async () => {
    const { default: runCommand } = await run()
    return async function guarded(this: Cli, flags: Flags, ...args: Args): Promise<void> {
      try {
        this.process.exitCode = await runCommand(this, flags, ...args)
      } catch (error) {
        const { reportFailure } = await import('./failure.ts')
        this.process.exitCode = reportFailure(this, flags, error)
      }
    }
  }
  const { examples, ...rest } = docs
  const shown = ['Examples:', ...examples.map((line) => `  ${line}`)].join('\n')
  const text = { ...rest, fullDescription: `${rest.fullDescription ?? rest.brief}\n\n${shown}` }
  return buildCommand<Flags, Args, Cli>({ loader, parameters, docs: text })
}
