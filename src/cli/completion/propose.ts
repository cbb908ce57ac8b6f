import { type Application, proposeCompletions } from '@stricli/core'
import { createApp } from '../app.ts'
import { type Cli, EXIT } from '../cli.ts'
import type { OutputFlag } from '../flags.ts'
import { answer } from '../terminal.ts'

/** `credctl completion propose -- WORDS`: what could stand for the last word, one a line. */
export default async function propose(
  cli: Cli,
  flags: OutputFlag,
  ...words: readonly string[]
): Promise<number> {
  const app = createApp()
  const proposed = await proposeCompletions(app, words, cli)
  const completions = proposed.map(({ completion }) => completion)
  const value = { proposals: [...new Set([...besideDefault(app, words), ...completions])] }
  answer(cli, flags, value, (shown) => shown.proposals.map((line) => `${line}\n`).join(''))
  return EXIT.ok
}

/** The library proposes what fits the default command of a family, and leaves out the others. */
function besideDefault({ root }: Application<Cli>, words: readonly string[]): string[] {
  const [family = '', partial] = words
  if (words.length !== 2 || partial === undefined || !('getRoutingTargetForInput' in root))
    return []
  const target = root.getRoutingTargetForInput(family)
  if (target === undefined || !('getDefaultCommand' in target)) return []
  if (target.getDefaultCommand() === undefined) return []
  const names = target.getAllEntries().map(({ name }) => name['convert-camel-to-kebab'])
  return names.filter((name) => name.startsWith(partial))
}
