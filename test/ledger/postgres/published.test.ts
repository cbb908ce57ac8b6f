import { describe, expect, it, onTestFinished } from 'vitest'
import { openCheckpoint } from '../../../src/ledger/checkpoint.ts'
import { parseVkey } from '../../../src/ledger/note.ts'
import { parseReceipt, verifyReceipt } from '../../../src/ledger/receipt.ts'
import { PublishedLog, READERS } from '../../../src/publish/published-log.ts'
import { testPostgres } from '../../support/postgres.ts'
import { denied, id, T0 } from '../entries.ts'
import { connectAs, migratedDatabase, openLedger, RUNTIME, signer } from './database.ts'

const postgres = testPostgres()
const keys = [parseVkey(signer.vkey)]

async function ledgerOf(size: number) {
  const database = await migratedDatabase(postgres)
  const ledger = await openLedger(postgres, database)
  const append = async (from: number, to: number) => {
    for (let number = from; number < to; number += 1) await ledger.append(denied(id(number)))
  }
  await append(0, size)
  return { database, ledger, append }
}
const at = (seconds: number) => new Date(T0 + seconds * 1000)

describe('what was published', () => {
  it('is the same for every replica, place by place', async () => {
    const { database, ledger } = await ledgerOf(5)
    expect(await ledger.published.save('readers', { size: 3, note: 'a', at: at(1) })).toBe(true)
    expect(await ledger.published.save('anchor x', { size: 5, note: 'b', at: at(2) })).toBe(true)
    const other = await openLedger(postgres, database)
    expect([...(await other.published.load())]).toEqual([
      ['readers', { size: 3, note: 'a', at: at(1) }],
      ['anchor x', { size: 5, note: 'b', at: at(2) }],
    ])
  })

  it('never goes back, and never beyond the log', async () => {
    const { ledger } = await ledgerOf(5)
    const save = (size: number, note: string) =>
      ledger.published.save('readers', { size, note, at: at(size) })
    expect(await save(4, 'four')).toBe(true)
    expect(await save(3, 'three')).toBe(false)
    expect(await save(6, 'six')).toBe(false)
    expect(await save(4, 'four, cosigned')).toBe(true)
    expect((await ledger.published.load()).get('readers')?.note).toBe('four, cosigned')
    await expect(save(5, 'x'.repeat(1_000_001))).rejects.toMatchObject({
      code: 'ledger_unavailable',
    })
  })

  it.each([
    `INSERT INTO credctl_ledger.published VALUES ('readers', 1, 'x', now())`,
    `UPDATE credctl_ledger.published SET size = 1`,
    'DELETE FROM credctl_ledger.published',
    'TRUNCATE credctl_ledger.published',
  ])('is not written by the role of the broker in any other way: %s', async (sql) => {
    const { database, ledger } = await ledgerOf(2)
    await ledger.published.save('readers', { size: 2, note: 'x', at: at(0) })
    const broker = await connectAs(postgres, database, RUNTIME)
    onTestFinished(() => broker.end())
    await expect(broker.query(sql)).rejects.toMatchObject({ code: '42501' })
  })
})

describe('receipts of a log whose readers are behind', () => {
  it('rest on what was published where that covers them, and on the newest checkpoint after it', async () => {
    const { ledger, append } = await ledgerOf(270)
    const note = Buffer.from(await ledger.log.checkpoint()).toString()
    await ledger.published.save(READERS, { size: 270, note, at: at(0) })
    await append(270, 600)
    const log = new PublishedLog(ledger.log, ledger.published)
    expect(openCheckpoint(await log.checkpoint(), keys).size).toBe(270)
    for (const [index, size] of [
      [0, 270],
      [255, 270],
      [256, 270],
      [269, 270],
      [270, 600],
      [599, 600],
    ]) {
      const receipt = (await log.receipt(index ?? 0)) ?? ''
      const [entry] = await ledger.log.entriesOfGrant(id(index ?? 0))
      const { checkpoint } = verifyReceipt(receipt, entry?.bytes ?? Buffer.alloc(0), keys)
      expect([parseReceipt(receipt).index, checkpoint.size]).toEqual([index, size])
    }
    for (const none of [-1, 600, 1.5]) expect(await log.receipt(none)).toBeUndefined()
  })
})
