import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { openCheckpoint } from '../../../src/ledger/checkpoint.ts'
import { createSigner, parseVkey } from '../../../src/ledger/note.ts'
import { rememberedIn } from '../../../src/ledger/remembered.ts'
import { testPostgres } from '../../support/postgres.ts'
import { catalogue, denied, id } from '../entries.ts'
import { seededKey } from '../seeded-key.ts'
import { migratedDatabase, openLedger, signer } from './database.ts'

const postgres = testPostgres()
const keys = [parseVkey(signer.vkey)]

async function memory() {
  const directory = await mkdtemp(join(tmpdir(), 'credctl-memory-'))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  const file = join(directory, 'log', 'head')
  return { file, remembered: rememberedIn(file) }
}

/** A log of so many entries under its own database, all of it remembered. */
async function remember(size: number) {
  const { file, remembered } = await memory()
  const database = await migratedDatabase(postgres)
  const ledger = await openLedger(postgres, database, { remembered })
  await Promise.all(Array.from({ length: size }, (_, number) => ledger.append(denied(id(number)))))
  await ledger.close()
  return { file, remembered, database }
}

describe('a broker that remembers', () => {
  it('knows the newest head after it was closed, and goes on from there', async () => {
    const { file, remembered, database } = await remember(300)
    expect(openCheckpoint(await readFile(file, 'utf8'), keys).size).toBe(300)
    const ledger = await openLedger(postgres, database, { remembered })
    await ledger.append(catalogue())
    await ledger.close()
    expect(openCheckpoint(await readFile(file, 'utf8'), keys).size).toBe(301)
  })

  it('saves while it runs, for the case that it is killed', async () => {
    const { file, remembered } = await memory()
    const database = await migratedDatabase(postgres)
    const ledger = await openLedger(postgres, database, { remembered })
    await ledger.append(catalogue())
    await expect.poll(() => readFile(file, 'utf8').catch(() => ''), { timeout: 4_000 }).not.toBe('')
  })

  it('accepts what other brokers appended meanwhile', async () => {
    const { remembered, database } = await remember(300)
    const other = await openLedger(postgres, database)
    await Promise.all(Array.from({ length: 700 }, () => other.append(catalogue())))
    await openLedger(postgres, database, { remembered })
  })

  it('refuses an older copy, which is consistent in itself', async () => {
    const { remembered } = await remember(300)
    const older = await remember(200)
    await openLedger(postgres, older.database)
    await expect(openLedger(postgres, older.database, { remembered })).rejects.toMatchObject({
      code: 'ledger_diverged',
      message: expect.stringContaining('it has 200 entries, this broker has seen 300'),
    })
  })

  it('refuses an emptied database', async () => {
    const { remembered } = await remember(3)
    const database = await migratedDatabase(postgres)
    await expect(openLedger(postgres, database, { remembered })).rejects.toMatchObject({
      code: 'ledger_diverged',
    })
  })

  it('refuses another history that is longer than its own', async () => {
    const { remembered } = await remember(300)
    const database = await migratedDatabase(postgres)
    const ledger = await openLedger(postgres, database)
    await Promise.all(Array.from({ length: 400 }, () => ledger.append(catalogue())))
    await expect(openLedger(postgres, database, { remembered })).rejects.toMatchObject({
      code: 'ledger_diverged',
      message: expect.stringContaining('its first 300 entries'),
    })
  })

  it.each(['', 'x', 'broker.example/log\n0\n'])('refuses a damaged memory: %j', async (text) => {
    const { file, remembered, database } = await remember(3)
    await writeFile(file, text)
    await expect(openLedger(postgres, database, { remembered })).rejects.toMatchObject({
      code: 'ledger_diverged',
    })
  })

  it('works on when its memory cannot be written', async () => {
    const { file, remembered } = await memory()
    await writeFile(join(file, '..', '..', 'log'), 'a file where a directory should be')
    const failing = { load: async () => undefined, save: remembered.save }
    const database = await migratedDatabase(postgres)
    const ledger = await openLedger(postgres, database, { remembered: failing })
    await ledger.append(catalogue())
    await ledger.close()
  })
})

describe('a new key for the same log', () => {
  const next = createSigner(signer.name, seededKey(7))

  it('continues it when the former key is named, and signs from then on', async () => {
    const { remembered, database } = await remember(3)
    const options = { signer: next, formerKeys: keys, remembered }
    const ledger = await openLedger(postgres, database, options)
    await ledger.append(catalogue())
    const checkpoint = await ledger.log.checkpoint()
    expect(openCheckpoint(checkpoint, [parseVkey(next.vkey)]).size).toBe(4)
    expect(() => openCheckpoint(checkpoint, keys)).toThrow(/is not signed by/)
  })

  it('is refused when the former key is not named', async () => {
    const { database } = await remember(3)
    await expect(openLedger(postgres, database, { signer: next })).rejects.toMatchObject({
      code: 'ledger_diverged',
    })
  })

  it('stops a broker that still has the former key', async () => {
    const { database } = await remember(3)
    const stale = await openLedger(postgres, database)
    const ledger = await openLedger(postgres, database, { signer: next, formerKeys: keys })
    await ledger.append(catalogue())
    await expect(stale.append(catalogue())).rejects.toMatchObject({ code: 'ledger_diverged' })
  })
})
