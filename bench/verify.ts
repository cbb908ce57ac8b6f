import { hash } from 'node:crypto'
import type { Entry } from '../src/ledger/entry.ts'
import { verifyLog } from '../src/ledger/verify.ts'
import {
  allowed,
  at,
  catalogue,
  ended,
  id,
  minted,
  requested,
  revoked,
} from '../test/ledger/entries.ts'
import { bytesOf, logKeys, writeLog } from '../test/ledger/file-log.ts'
import { against, type Row, rowOf } from './row.ts'

const ENTRIES = 500_000

/** Verifying a log from memory, beside SHA-256 of the same bytes: leaves and nodes, nothing else. */
export async function bench(): Promise<readonly Row[]> {
  const entries = history(ENTRIES)
  const bodies = entries.map(bytesOf)
  const baseline = await bareHashes('bare SHA-256 of entries and tree nodes', bodies, 'buffer')
  const fastest = await bareHashes('the same, the fastest way that Node has', bodies, 'binary')
  const log = writeLog(bodies)
  const verified = await repeat('verify a log: hashes, schema, meaning', async () => {
    const { ok, findings } = await verifyLog(log, { keys: logKeys })
    if (!ok) throw new Error(findings[0]?.message)
  })
  return [baseline, fastest, against(verified, baseline), against(verified, fastest)]
}

/** One thread; verification uses as many as there are cores. */
function bareHashes(operation: string, bodies: readonly Buffer[], as: 'buffer' | 'binary') {
  const node = Buffer.alloc(65)
  return repeat(operation, async () => {
    for (const body of bodies) {
      hash('sha256', body, as)
      hash('sha256', node, as)
    }
  })
}

/** A grant with a credential each second, as a broker writes them. */
function history(size: number): Entry[] {
  const entries: Entry[] = [catalogue()]
  for (let number = 1; entries.length < size; number += 1) {
    const first = entries.length
    const [grant, credential] = [id(2 * number), id(2 * number + 1)]
    const [time, expires] = [at(number), at(number + 900)]
    entries.push(
      allowed(grant, { time, expires }),
      requested(grant, first, credential, number),
      minted(grant, first + 1, credential, { time, expires }),
      revoked(grant, first + 2, credential, number),
      ended(grant, first + 3, number),
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
  const row = rowOf(`${operation}, 500,000 entries`, durations, wall)
  return { ...row, count: ENTRIES * durations.length, rate: row.rate * ENTRIES }
}
