import { setTimeout } from 'node:timers/promises'
import { isCredctlError } from '../../errors.ts'
import type { Cli } from '../cli.ts'
import type { OutputFlag } from '../flags.ts'
import { LiveText } from '../live.ts'
import { note } from '../terminal.ts'

const PAUSE_MS = 2_000

/** What is watched: asked for again and again, and shown as text or as one line of JSON. */
interface Watched<T> {
  readonly ask: () => Promise<T>
  readonly text: (value: T, now: Date) => string
}

/**
 * Until somebody ends it. A broker that is away for a while is waited for, because that is when
 * people watch; a refusal ends it.
 */
export async function watch<T>(
  cli: Cli,
  { output }: OutputFlag,
  { ask, text }: Watched<T>,
): Promise<never> {
  const live = new LiveText(cli.process.stdout)
  let isAway = false
  for (let printed = ''; ; await setTimeout(PAUSE_MS)) {
    try {
      const value = await ask()
      isAway = false
      const json = `${JSON.stringify(value)}\n`
      if (output === 'text') live.draw(text(value, new Date()))
      else if (json !== printed) cli.process.stdout.write(json)
      printed = json
    } catch (error) {
      const isPassing = isCredctlError(error, 'unavailable', 'ledger_unavailable', 'rate_limited')
      if (!isPassing || printed === '') throw error
      if (!isAway) note(cli, `${error.message}; still trying`)
      isAway = true
    }
  }
}
