import { describe, expect, it } from 'vitest'
import { parseVkey } from '../../../src/ledger/note.ts'
import { verifyLog } from '../../../src/ledger/verify/verify.ts'
import { testPostgres } from '../../support/postgres.ts'
import { allowed, catalogue, ended, id } from '../entries.ts'
import { migratedDatabase, openLedger, signer } from './database.ts'

const postgres = testPostgres()
const keys = [parseVkey(signer.vkey)]

/** What a stranger finds through the broker after somebody has been at its database. */
async function findingsAfter(sql: string): Promise<string[]> {
  const database = await migratedDatabase(postgres)
  const ledger = await openLedger(postgres, database)
  await ledger.append(catalogue())
  await ledger.append(allowed(id(1)))
  await ledger.append(ended(id(1), 1))
  await Promise.all(Array.from({ length: 597 }, () => ledger.append(catalogue())))
  const tampering = await postgres.client({ database })
  await tampering.query(`SET session_replication_role = replica; ${sql}`)
  const { findings } = await verifyLog(ledger.log, { keys })
  return findings.map(({ code, index, path }) => [code, index ?? path].join(' '))
}

const flipped = (column: string) => `set_byte(${column}, 20, get_byte(${column}, 20) # 1)`

describe('a row of the database', () => {
  it('that nobody touched has nothing to find', async () => {
    expect(await findingsAfter('SELECT')).toEqual([])
  })

  it.each([
    [
      'an entry with a flipped bit',
      `UPDATE credctl_ledger.entries SET body = ${flipped('body')} WHERE index = 300`,
      ['entry_altered 300', 'entry_invalid 300'],
    ],
    [
      'an entry with another meaning',
      `UPDATE credctl_ledger.entries SET body = convert_to(replace(convert_from(body, 'utf8'), 'agent-7', 'agent-8'), 'utf8') WHERE index = 1`,
      ['entry_altered 1'],
    ],
    [
      'an entry of the last tile with its leaf made to fit',
      `UPDATE credctl_ledger.entries SET body = body || ' ', leaf = sha256('\\x00'::bytea || body || ' ') WHERE index = 599`,
      ['root_mismatch', 'entry_invalid 599'],
    ],
    [
      'two entries swapped',
      `UPDATE credctl_ledger.entries SET index = 9999 WHERE index = 1;
       UPDATE credctl_ledger.entries SET index = 1 WHERE index = 2;
       UPDATE credctl_ledger.entries SET index = 2 WHERE index = 9999`,
      ['entry_altered 1', 'entry_altered 2', 'grant_unknown 1'],
    ],
    [
      'an entry removed',
      'DELETE FROM credctl_ledger.entries WHERE index = 300',
      ['bundle_missing tile/entries/001'],
    ],
    [
      'a leaf of the last tile with a flipped bit',
      `UPDATE credctl_ledger.entries SET leaf = ${flipped('leaf')} WHERE index = 599`,
      ['tile_altered tile/0/002.p/88'],
    ],
    [
      'a tile with a flipped bit',
      `UPDATE credctl_ledger.tiles SET hashes = ${flipped('hashes')} WHERE index = 1`,
      ['tile_altered tile/0/001'],
    ],
    [
      'the root of a tile with a flipped bit',
      `UPDATE credctl_ledger.tiles SET root = ${flipped('root')} WHERE index = 1`,
      ['tile_altered tile/1/000.p/2'],
    ],
    [
      'a tile removed',
      'DELETE FROM credctl_ledger.tiles WHERE index = 0',
      ['tile_missing tile/0/000', 'tile_missing tile/1/000.p/2'],
    ],
    [
      'another signature',
      `UPDATE credctl_ledger.head SET checkpoint = overlay(checkpoint placing 'A' from length(checkpoint) - 10)`,
      ['checkpoint_invalid checkpoint'],
    ],
  ])('%s is found', async (_, sql, expected) => {
    const found = await findingsAfter(sql)
    for (const finding of expected) expect(found.join('\n')).toContain(finding)
  })
})
