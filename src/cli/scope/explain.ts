import { type Cli, EXIT } from '../cli.ts'
import type { OutputFlag } from '../flags.ts'
import { notFound } from '../not-found.ts'
import { answer } from '../terminal.ts'
import { EXPLANATIONS } from './explanations.ts'

/** `credctl scope explain CODE`: what a refusal means, and what to do. */
export default async function explain(cli: Cli, flags: OutputFlag, code: string): Promise<number> {
  const all = new Map(Object.entries(EXPLANATIONS))
  const found = all.get(code)
  if (found === undefined) throw notFound('code', code, 'is known here', all.keys())
  const value = { code, ...found }
  answer(cli, flags, value, ({ means, next }) => `${code}\n  ${means}\n  ${next}\n`)
  return EXIT.ok
}
