import { Registry } from 'prom-client'
import { expect, test } from 'vitest'
import { HeadWatch } from '../../src/publish/head-watch.ts'
import { allowed, at, catalogue, id, T0 } from '../ledger/entries.ts'
import { writeLog } from '../ledger/file-log.ts'

test('shows how many entries there are and how old the newest is, also when it cannot look', async () => {
  let now = new Date(T0 + 60_000)
  const registry = new Registry()
  const log = writeLog([catalogue(), allowed(id(7), { time: at(20) })])
  const watch = new HeadWatch(log, registry, () => now)
  const value = async (name: string) => {
    const metric = await registry.getSingleMetric(name)?.get()
    return metric?.values[0]?.value
  }
  expect(await value('credctl_ledger_entries')).toBeNaN()
  expect(await value('credctl_ledger_head_age_seconds')).toBeNaN()
  await watch.round()
  expect(await value('credctl_ledger_entries')).toBe(2)
  expect(await value('credctl_ledger_head_age_seconds')).toBe(40)
  log.files.clear()
  await expect(watch.round()).rejects.toThrow()
  now = new Date(T0 + 90_000)
  expect(await value('credctl_ledger_head_age_seconds')).toBe(70)
})
