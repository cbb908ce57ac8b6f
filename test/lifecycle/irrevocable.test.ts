import { expect, test } from 'vitest'
import { irrevocableWatch } from '../../src/lifecycle/irrevocable.ts'

/** What is told over rounds that count these numbers, or fail. */
async function told(rounds: readonly (number | Error)[]): Promise<string[]> {
  const events: string[] = []
  const queue = [...rounds]
  const look = irrevocableWatch({
    count: async () => {
      const next = queue.shift() ?? 0
      if (next instanceof Error) throw next
      return next
    },
    onCount: (count) => events.push(`count ${count}`),
    onFound: (count) => events.push(`found ${count}`),
    onFailure: () => events.push('failed'),
  })
  for (const _round of rounds) await look()
  return events
}

test('leases that Vault cannot end are told when there are some, and again when there are others', async () => {
  expect(await told([0, 2, 2, 3, 0, 3])).toEqual([
    ...['count 0', 'count 2', 'found 2', 'count 2', 'count 3', 'found 3', 'count 0'],
    ...['count 3', 'found 3'],
  ])
})

test('a Vault that does not answer is told once, and does not hide what was there', async () => {
  const down = new Error('down')
  expect(await told([2, down, down, 2, down])).toEqual([
    ...['count 2', 'found 2', 'failed', 'count 2', 'failed'],
  ])
})
