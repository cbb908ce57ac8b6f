import { chmod, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { fileCursor } from '../../../src/publish/export/file-cursor.ts'
import { connectAs, migratedDatabase, openLedger, RUNTIME } from '../../ledger/postgres/database.ts'
import { testPostgres } from '../../support/postgres.ts'

const ORIGIN = 'broker.example/log'

async function scratch(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'credctl-cursor-'))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  return directory
}

describe('a cursor in a file', () => {
  test('is kept from one run to the next, for its owner alone', async () => {
    const directory = await scratch()
    const file = join(directory, 'cursor')
    const cursor = fileCursor(file, ORIGIN)
    expect(await cursor.load()).toBe(0)
    await cursor.save(41)
    await cursor.save(42)
    expect(await fileCursor(file, ORIGIN).load()).toBe(42)
    expect((await stat(file)).mode & 0o777).toBe(0o600)
    expect(await readdir(directory)).toEqual(['cursor'])
  })

  test('that was left half written beside it changes nothing', async () => {
    const file = join(await scratch(), 'cursor')
    await fileCursor(file, ORIGIN).save(41)
    await writeFile(`${file}.12345`, '{"orig')
    expect(await fileCursor(file, ORIGIN).load()).toBe(41)
  })

  test.each([
    ['is empty', ''],
    ['is no JSON', '41'],
    ['has no place', `{"origin":"${ORIGIN}"}`],
    ['goes back before the log', `{"origin":"${ORIGIN}","next":-1}`],
    ['is a fraction', `{"origin":"${ORIGIN}","next":0.5}`],
    ['says more than it may', `{"origin":"${ORIGIN}","next":1,"then":2}`],
    ['is of another log', '{"origin":"other.example/log","next":1}'],
  ])('that %s is refused, not taken for none', async (_what, text) => {
    const file = join(await scratch(), 'cursor')
    await writeFile(file, text)
    await expect(fileCursor(file, ORIGIN).load()).rejects.toMatchObject({ code: 'log_invalid' })
  })

  test.skipIf(process.getuid?.() === 0)('that cannot be read is not taken for none', async () => {
    const file = join(await scratch(), 'cursor')
    await fileCursor(file, ORIGIN).save(41)
    await chmod(file, 0)
    await expect(fileCursor(file, ORIGIN).load()).rejects.toMatchObject({ code: 'EACCES' })
  })
})

describe('a cursor in the ledger', () => {
  const postgres = testPostgres()
  const LEASE = 60_000
  const cursors = async () => {
    const database = await migratedDatabase(postgres)
    const { exportCursors } = await openLedger(postgres, database)
    return { database, exportCursors }
  }

  test('survives restarts, each export for itself', async () => {
    const { database, exportCursors: before } = await cursors()
    expect(await before.take('siem', 'a', LEASE)).toBe(0)
    expect(await before.save('siem', 'a', 41, LEASE)).toBe(true)
    const { exportCursors: after } = await openLedger(postgres, database)
    expect(await after.position('siem')).toBe(41)
    expect(await after.position('other')).toBe(0)
    expect(await after.take('other', 'b', LEASE)).toBe(0)
  })

  test('is held by one broker at a time', async () => {
    const { exportCursors } = await cursors()
    const holders = ['a', 'b', 'c', 'd']
    const taken = await Promise.all(holders.map((each) => exportCursors.take('siem', each, LEASE)))
    expect(taken.filter((next) => next !== undefined)).toEqual([0])
    const holder = holders[taken.indexOf(0)] ?? ''
    expect(await exportCursors.take('siem', holder, LEASE)).toBe(0)
  })

  test('goes to another broker when its holder does not come back, who then saves in vain', async () => {
    const { exportCursors } = await cursors()
    expect(await exportCursors.take('siem', 'a', 0)).toBe(0)
    expect(await exportCursors.take('siem', 'b', LEASE)).toBe(0)
    expect(await exportCursors.save('siem', 'a', 41, LEASE)).toBe(false)
    expect(await exportCursors.position('siem')).toBe(0)
    expect(await exportCursors.save('siem', 'b', 7, LEASE)).toBe(true)
  })

  test('is moved through the functions alone', async () => {
    const { database, exportCursors } = await cursors()
    await exportCursors.take('siem', 'a', LEASE)
    const client = await connectAs(postgres, database, RUNTIME)
    const statement = 'UPDATE credctl_ledger.export_cursors SET next = 100'
    await expect(client.query(statement)).rejects.toMatchObject({ code: '42501' })
    await client.end()
  })
})
