import { describe, expect, it } from 'vitest'
import { openCheckpoint } from '../../../src/ledger/checkpoint.ts'
import type { Entry } from '../../../src/ledger/entry.ts'
import { createSigner } from '../../../src/ledger/note.ts'
import { verifyLog } from '../../../src/ledger/verify/verify.ts'
import { allowed, catalogue, ended, id, minted, requested, revoked } from '../entries.ts'
import { type FileLog, logKeys, logSigner, writeLog } from '../file-log.ts'
import { seededKey } from '../seeded-key.ts'

/** 700 entries: two full bundles and a partial one, with the life of a grant at the borders. */
function history(size = 700): Entry[] {
  const entries: Entry[] = [catalogue(), allowed(id(1)), requested(id(1), 1, id(11))]
  entries.push(minted(id(1), 2, id(11)), revoked(id(1), 3, id(11)), ended(id(1), 4))
  while (entries.length < size) entries.push(catalogue(5))
  return entries
}

const intact = writeLog(history())

function damaged(damage: (files: Map<string, Buffer>) => void): FileLog {
  const log = writeLog([])
  for (const [path, bytes] of intact.files) log.files.set(path, Buffer.from(bytes))
  damage(log.files)
  return log
}

async function found(log: FileLog, seen: FileLog[] = []) {
  const heads = seen.map((each) => openCheckpoint(each.files.get('checkpoint')!, logKeys))
  const { ok, findings, verified } = await verifyLog(log, { keys: logKeys, seen: heads })
  expect(ok).toBe(findings.length === 0)
  return { codes: [...new Set(findings.map(({ code }) => code))], findings, verified }
}

it('an intact log has nothing to find', async () => {
  expect(await found(intact, [writeLog(history(300)), intact])).toEqual({
    codes: [],
    findings: [],
    verified: 700,
  })
})

it('an empty log verifies', async () => {
  expect(await found(writeLog([]))).toMatchObject({ codes: [], verified: 0 })
})

it('progress counts every entry', async () => {
  const seen: number[] = []
  await verifyLog(intact, { keys: logKeys, onProgress: (entries) => seen.push(entries) })
  expect(seen).toEqual([256, 512, 700])
})

describe('a flipped bit', () => {
  it.each([...intact.files.keys()])('anywhere in %s is found and named', async (path) => {
    const { length } = intact.files.get(path)!
    for (let at = 0; at < length; at += Math.ceil(length / 25)) {
      const log = damaged((files) => {
        const bytes = files.get(path)!
        bytes[at] = bytes[at]! ^ (1 << (at % 8))
      })
      const { codes, findings, verified } = await found(log)
      if (path === 'checkpoint') expect(codes).toEqual(['checkpoint_invalid'])
      else if (path.startsWith('tile/entries/')) {
        const named = ['entry_altered', 'bundle_malformed'].some((code) =>
          codes.includes(code as never),
        )
        expect(named, `byte ${at}: ${codes}`).toBe(true)
        expect(verified).toBe(0)
      } else {
        expect(codes).toEqual(['tile_altered'])
        expect(findings[0]?.path).toBe(path)
        // The entries themselves are still exactly those that were signed.
        expect(verified).toBe(700)
      }
    }
  })
})

describe('a removed file', () => {
  it.each([...intact.files.keys()])('%s is missed', async (path) => {
    const { codes, findings } = await found(damaged((files) => files.delete(path)))
    const expected =
      path === 'checkpoint'
        ? 'checkpoint_invalid'
        : path.startsWith('tile/entries/')
          ? 'bundle_missing'
          : 'tile_missing'
    expect(codes).toEqual([expected])
    expect(findings.map((finding) => finding.path)).toEqual([path])
  })
})

describe('a truncated file', () => {
  it.each([...intact.files.keys()])('%s is not accepted, wherever it ends', async (path) => {
    const { length } = intact.files.get(path)!
    for (const end of [0, 1, Math.floor(length / 2), length - 1]) {
      const log = damaged((files) => files.set(path, files.get(path)!.subarray(0, end)))
      const { codes } = await found(log)
      expect(codes, `${end} bytes`).not.toEqual([])
    }
  })
})

describe('a swap', () => {
  it('of two bundles is found', async () => {
    const log = damaged((files) => {
      const first = files.get('tile/entries/000')!
      files.set('tile/entries/000', files.get('tile/entries/001')!)
      files.set('tile/entries/001', first)
    })
    expect((await found(log)).codes).toContain('entry_altered')
  })

  it('of two tiles is found', async () => {
    const log = damaged((files) => {
      const first = files.get('tile/0/000')!
      files.set('tile/0/000', files.get('tile/0/001')!)
      files.set('tile/0/001', first)
    })
    const { codes, findings } = await found(log)
    expect(codes).toEqual(['tile_altered'])
    expect(findings.map(({ path }) => path)).toEqual(['tile/0/000', 'tile/0/001'])
  })

  it('of two entries in the log is found, at their places', async () => {
    const entries = history()
    const swapped = entries.with(600, entries[1]!).with(1, entries[600]!)
    const log = writeLog(swapped)
    for (const path of ['checkpoint', 'tile/0/000', 'tile/0/002.p/188']) {
      log.files.set(path, intact.files.get(path)!)
    }
    const { findings } = await found(log)
    expect(
      findings.filter(({ code }) => code === 'entry_altered').map(({ index }) => index),
    ).toEqual([1, 600])
  })
})

describe('a rewritten log', () => {
  const other = () => writeLog(history().with(5, catalogue(6)))

  it('with bundles and tiles that agree is found by the root, with the region', async () => {
    const log = other()
    for (const path of ['checkpoint', 'tile/1/000.p/2']) {
      log.files.set(path, intact.files.get(path)!)
    }
    const { findings, verified } = await found(log)
    const finding = findings.find(({ code }) => code === 'root_mismatch')
    expect(finding?.message).toContain('the 256 entries from 0 on')
    expect(verified).toBe(0)
  })

  it('with everything but the checkpoint replaced is found by the root', async () => {
    const log = other()
    log.files.set('checkpoint', intact.files.get('checkpoint')!)
    expect((await found(log)).codes).toContain('root_mismatch')
  })

  it('with the real key is found by who saw an earlier head', async () => {
    const rewritten = writeLog(history(900).with(5, catalogue(6)))
    expect((await found(rewritten, [intact])).codes).toContain('log_forked')
    // The same seen before the rewritten entry says nothing.
    expect((await found(rewritten, [writeLog(history().slice(0, 5))])).codes).not.toContain(
      'log_forked',
    )
  })

  it('with a cut tail and a new signature is found by who saw the later head', async () => {
    const { codes, findings } = await found(writeLog(history(600)), [intact])
    expect(codes).toEqual(['log_shrunk'])
    expect(findings[0]?.message).toBe('the log has 600 entries; 700 were seen before')
  })

  it('rolled back to an older signed checkpoint is found by who saw the later one', async () => {
    const older = writeLog(history(600)).files.get('checkpoint')!
    const log = damaged((files) => files.set('checkpoint', older))
    expect((await found(log, [intact])).codes).toContain('log_shrunk')
  })

  it('signed by another key of the same name is not this log', async () => {
    const stranger = createSigner(logSigner.name, seededKey(9))
    expect(await found(writeLog(history(), stranger))).toMatchObject({
      codes: ['checkpoint_invalid'],
      verified: 0,
    })
  })

  it('of another origin is not this log', async () => {
    const stranger = createSigner('other.example/log', seededKey(1))
    const { findings } = await found(writeLog(history(), stranger))
    expect(findings[0]?.message).toContain('of another log')
  })
})

describe('a bad entry under a good signature', () => {
  const text = JSON.stringify(catalogue())
  it.each([
    ['no JSON', '{', 'not JSON'],
    ['no object', '"x"', 'breaks the schema'],
    ['an unknown kind', '{"kind":"x"}', 'breaks the schema'],
    ['a secret beside it', `{"a":"x",${canonical().slice(1)}`, 'breaks the schema'],
    ['a space', canonical().replace(':', ': '), 'not canonical'],
    ['a duplicate name', `{"kind":"x",${canonical().slice(1)}`, 'not canonical'],
    ['names out of order', text, 'not canonical'],
    [
      'an escape that need not be',
      canonical().replace('catalogue.loaded', '\\u0063atalogue.loaded'),
      'not canonical',
    ],
    ['a number respelt', canonical().replace('"v":1', '"v":1.0'), 'not canonical'],
    ['trailing data', `${canonical()} `, 'not canonical'],
  ])('%s is found', async (_, body, problem) => {
    const log = writeLog([catalogue(), Buffer.from(body)])
    const { codes, findings, verified } = await found(log)
    expect(codes).toEqual(['entry_invalid'])
    expect(findings[0]).toMatchObject({ index: 1, message: expect.stringContaining(problem) })
    expect(verified).toBe(2)
  })

  it('invalid UTF-8 is found', async () => {
    const body = Buffer.from(canonical())
    body[10] = 0xff
    const { findings } = await found(writeLog([body]))
    expect(findings[0]?.message).toContain('not UTF-8')
  })

  it('is never quoted', async () => {
    const body = Buffer.from('{"kind":"hunter2","password":"hunter2"}')
    const { findings } = await found(writeLog([body]))
    expect(JSON.stringify(findings)).not.toContain('hunter2')
  })

  function canonical(): string {
    return intact.files
      .get('tile/entries/000')!
      .subarray(2, 2 + intact.files.get('tile/entries/000')!.readUInt16BE(0))
      .toString()
  }
})

it('names that look like numbers are canonical in the order of their text', async () => {
  const log = writeLog([
    catalogue(),
    allowed(id(1), { parameters: { '9': 'a', '10': 'b' } }),
    ended(id(1), 1),
  ])
  expect((await found(log)).codes).toEqual([])
})

it('a broken log does not flood: findings end at a bound', async () => {
  const log = writeLog(Array.from({ length: 700 }, () => Buffer.from('x')))
  const { findings } = await verifyLog(log, { keys: logKeys, maxFindings: 10 })
  expect(findings).toHaveLength(10)
})

describe('a log large enough for several threads', () => {
  const size = 45_000
  const large = writeLog(history(size))

  it('verifies, with heads that were seen inside and at borders of tiles', async () => {
    const seen = [writeLog(history(300)), writeLog(history(512)), writeLog(history(44_000))]
    expect(await found(large, [...seen, large])).toMatchObject({ codes: [], verified: size })
  })

  it('is found damaged at the same places as a small one', async () => {
    const log = writeLog([])
    for (const [path, bytes] of large.files) log.files.set(path, Buffer.from(bytes))
    const bundle = log.files.get('tile/entries/150')!
    bundle[bundle.length - 20] = bundle[bundle.length - 20]! ^ 1
    const { findings, verified } = await found(log, [writeLog(history(300))])
    expect(findings.map(({ code, index }) => [code, index])).toContainEqual([
      'entry_altered',
      150 * 256 + 255,
    ])
    expect(verified).toBe(0)
  })

  it('rewritten inside a tile that was seen in part is found', async () => {
    const rewritten = writeLog(history(size).with(290, catalogue(6)))
    expect((await found(rewritten, [writeLog(history(300))])).codes).toEqual(['log_forked'])
    expect((await found(rewritten, [writeLog(history(290))])).codes).toEqual([])
  })

  it('ends its threads when the log cannot be read', async () => {
    const log = writeLog([])
    for (const [path, bytes] of large.files) log.files.set(path, bytes)
    log.entries = async () => Promise.reject(new Error('line is dead'))
    await expect(verifyLog(log, { keys: logKeys })).rejects.toThrow('line is dead')
  })
})
