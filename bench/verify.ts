import { hash } from 'node:crypto'
import type { Entry } from '../src/ledger/entry.ts'
import { verifyLog } from '../src/ledger/verify.ts'
import { allowed, at, catalogue, ended, id, minted, requested } from '../test/ledger/entries.ts'
import { bytesOf, logKeys, writeLog } from '../test/ledger/file-log.ts'
import { against, type Row, rowOf } from './row.ts'

const ENTRIES = 200_000

/** Verifying a log from memory, beside SHA-256 of the same bytes: leaves and nodes, nothing else. */
export async function bench(): Promise<readonly Row[]> {
  const entries = history(ENTRIES)
  const bodies = entries.map(bytesOf)
  const node = Buffer.alloc(65)
  const bare = repeat('bare SHA-256 of the entries and tree nodes', async () => {
    for (const body of bodies) {
      hash('sha256', body, 'buffer')
      hash('sha256', node, 'buffer')
    }
  })
  const log = writeLog(bodies)
  const baseline = await bare
  const verified = await repeat('verify a log: hashes, schema, meaning', async () => {
    const { ok, findings } = await verifyLog(log, { keys: logKeys })
    if (!ok) throw new Error(findings[0]?.message)
  })
  return [baseline, against(verified, baseline, 'p50')]
}

/** Grants with a credential each, as a broker writes them. */
function history(size: number): Entry[] {
  const entries: Entry[] = [catalogue()]
  for (let number = 1; entries.length < size; number += 1) {
    const first = entries.length
    const [grant, credential] = [id(2 * number), id(2 * number + 1)]
    entries.push(
      allowed(grant),
      requested(grant, first, credential),
      minted(grant, first + 1, credential, { expires: at(900) }),
      ended(grant, first + 2),
    )
  }
  return entries.slice(0, size)
}

/** One duration is one pass over all entries; the rate counts entries. */
async function repeat(operation: string, run: () => Promise<void>): Promise<Row> {
  await run()
  const durations: number[] = []
  for (let round = 0; round < 3; round += 1) {
    const started = performance.now()
    await run()
    durations.push(performance.now() - started)
  }
  const wall = durations.reduce((sum, each) => sum + each, 0)
  const row = rowOf(`${operation}, 200,000 entries`, durations, wall)
  return { ...row, count: ENTRIES * durations.length, rate: row.rate * ENTRIES }
}
