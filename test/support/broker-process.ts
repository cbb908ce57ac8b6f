import { pino } from 'pino'
import { requireConfig } from '../../src/config.ts'
import { startBroker } from '../../src/main.ts'

/** A broker in a process of its own, for tests that kill it. Prints its port and stays. */
const [config = '', scopes = '', orphanAfterMs = ''] = process.argv.slice(2)
const broker = await startBroker(await requireConfig(config), scopes, {
  logger: pino({ level: 'silent' }),
  sweepEveryMs: 100,
  orphanAfterMs: Number(orphanAfterMs),
})
console.log(broker.port)
