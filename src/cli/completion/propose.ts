import { proposeCompletions } from '@stricli/core'
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
  const proposals = await proposeCompletions(createApp(), words, cli)
  const value = { proposals: [...new Set(proposals.map(({ completion }) => completion))] }
  answer(cli, flags, value, (shown) => shown.proposals.map((line) => `${line}\n`).join(''))
  return EXIT.ok
}
