import { type Cli, EXIT } from '../cli.ts'
import type { OutputFlag } from '../flags.ts'
import { answer } from '../terminal.ts'
import { planText } from './plan-text.ts'
import { type PlanFlags, planFromFiles } from './planned.ts'

/** `credctl scope plan NAME --env E` */
export default async function plan(
  cli: Cli,
  flags: PlanFlags & OutputFlag,
  name: string,
): Promise<number> {
  const { plan: planned, placeholders } = await planFromFiles(cli, flags, name)
  answer(cli, flags, { ...planned, placeholders }, (value) => planText(cli, value))
  return EXIT.ok
}
