import { type Cli, EXIT } from '../cli.ts'
import type { OutputFlag } from '../flags.ts'
import { answer, note } from '../terminal.ts'
import { peopleLines } from './people.ts'
import { planText } from './plan-text.ts'
import { type PlanFlags, planFromFiles } from './planned.ts'

/** `credctl scope plan NAME --env E` */
export default async function plan(
  cli: Cli,
  flags: PlanFlags & OutputFlag,
  name: string,
): Promise<number> {
  const planned = await planFromFiles(cli, flags, name)
  const { plan: value, placeholders } = planned
  answer(cli, flags, { ...value, placeholders }, (shown) => planText(cli, shown))
  for (const line of peopleLines(planned, new Date())) note(cli, line)
  return EXIT.ok
}
