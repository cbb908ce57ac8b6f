import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { openCheckpoint } from '../../../src/ledger/checkpoint.ts'
import type { Entry } from '../../../src/ledger/entry.ts'
import { type Progress, progressSchema } from '../../../src/ledger/verify/progress.ts'
import { type VerifyOptions, verifyLog } from '../../../src/ledger/verify/verify.ts'
import { allowed, catalogue, ended, id, minted, requested, revoked } from '../entries.ts'
import { FileLog, logKeys, writeLog } from '../file-log.ts'

/** Grants that live across the borders of bundles, so that half a history has open ends. */
function history(size: number): Entry[] {
  const entries: Entry[] = [catalogue(), allowed(id(1)), requested(id(1), 1, id(11))]
  while (entries.length < size - 3) entries.push(catalogue(1))
  const tail = [minted(id(1), 2, id(11)), revoked(id(1), size - 3, id(11)), ended(id(1), size - 2)]
  return [...entries, ...tail]
}

const SIZE = 1500
const log = writeLog(history(SIZE))

/** Runs until so many entries are read, as an interrupt would, and gives what was kept. */
async function interruptedAt(
  reader: FileLog,
  entries: number,
  options: Partial<VerifyOptions> = {},
) {
  const controller = new AbortController()
  let kept: Progress | undefined
  const run = verifyLog(reader, {
    keys: logKeys,
    ...options,
    onProgress: (done) => {
      if (done >= entries) controller.abort()
    },
    interruption: {
      signal: controller.signal,
      everyMs: Number.POSITIVE_INFINITY,
      save: async (progress) => {
        // As a file would give it back.
        kept = progressSchema.parse(JSON.parse(JSON.stringify(progress)))
      },
    },
  })
  await expect(run).rejects.toThrow('interrupted')
  if (kept === undefined) throw new Error('nothing was kept')
  return kept
}

/** The same files, with every one that was asked for written down. */
function watched(reader: FileLog) {
  const asked: number[] = []
  const copy = new FileLog()
  for (const [path, bytes] of reader.files) copy.files.set(path, bytes)
  const { entries } = copy
  copy.entries = async (index, width) => {
    asked.push(index)
    return await entries(index, width)
  }
  return { copy, asked }
}

describe('a verification that was interrupted', () => {
  it('goes on where it stopped, and says the same as one that never stopped', async () => {
    const resume = await interruptedAt(log, 700)
    expect(resume.size).toBe(768)
    const { copy, asked } = watched(log)
    const whole = await verifyLog(log, { keys: logKeys })
    const { exclusions: _, ...rest } = await verifyLog(copy, { keys: logKeys, resume })
    expect(asked).toEqual([3, 4, 5])
    expect(rest).toMatchObject({ ok: true, findings: [], verified: SIZE })
    expect(rest.checkpoint?.root).toEqual(whole.checkpoint?.root)
  })

  it('can stop at any bundle, several times', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(fc.integer({ min: 1, max: 1279 }), { maxLength: 4 }),
        async (stops) => {
          let resume: Progress | undefined
          for (const stop of stops.sort((a, b) => a - b)) {
            if (resume !== undefined && resume.size >= 1280) break
            resume = await interruptedAt(
              log,
              Math.max(stop, (resume?.size ?? 0) + 1),
              resume && { resume },
            )
          }
          const { ok, verified } = await verifyLog(log, {
            keys: logKeys,
            ...(resume && { resume }),
          })
          expect({ ok, verified }).toEqual({ ok: true, verified: SIZE })
        },
      ),
      { numRuns: 15 },
    )
  })

  it('keeps what it found before', async () => {
    const bad = history(SIZE).with(300, requested(id(9), 1, id(19)))
    const resume = await interruptedAt(writeLog(bad), 700)
    const { findings } = await verifyLog(writeLog(bad), { keys: logKeys, resume })
    expect(findings.map(({ code, index }) => [code, index])).toEqual([['grant_unknown', 300]])
  })

  it('keeps a tile that was altered before', async () => {
    const damaged = writeLog(history(SIZE))
    damaged.files.get('tile/0/001')![40]! ^= 1
    const resume = await interruptedAt(damaged, 700)
    const { findings } = await verifyLog(log, { keys: logKeys, resume })
    expect(findings.map(({ code, path }) => [code, path])).toEqual([['tile_altered', 'tile/0/001']])
  })

  it('goes on with a log that grew meanwhile', async () => {
    const resume = await interruptedAt(log, 700)
    const grown = [...history(SIZE), ...Array.from({ length: 900 }, () => catalogue(5))]
    const { ok, verified } = await verifyLog(writeLog(grown), { keys: logKeys, resume })
    expect({ ok, verified }).toEqual({ ok: true, verified: SIZE + 900 })
  })

  it.each([
    ['was rewritten behind where it stopped', history(SIZE).with(1400, catalogue(9)), 'log_forked'],
    ['was rewritten where it had read', history(SIZE).with(100, catalogue(9)), 'root_mismatch'],
    ['was cut', history(SIZE).slice(0, 1000), 'log_shrunk'],
    ['was cut before where it stopped', history(SIZE).slice(0, 300), 'log_shrunk'],
  ])('finds that the log %s meanwhile', async (_what, entries, code) => {
    const resume = await interruptedAt(log, 700)
    const { ok, findings } = await verifyLog(writeLog(entries), { keys: logKeys, resume })
    expect(ok).toBe(false)
    expect(findings.map((finding) => finding.code)).toContain(code)
  })

  it('holds heads that others saw against the part it had read, by a proof', async () => {
    const resume = await interruptedAt(log, 700)
    const head = (entries: Entry[]) =>
      openCheckpoint(writeLog(entries).files.get('checkpoint')!, logKeys)
    const good = [1, 255, 256, 700, 768].map((size) => head(history(SIZE).slice(0, size)))
    expect(await verifyLog(log, { keys: logKeys, resume, seen: good })).toMatchObject({ ok: true })
    const bad = [head(history(SIZE).with(100, catalogue(9)).slice(0, 700))]
    const { findings } = await verifyLog(log, { keys: logKeys, resume, seen: bad })
    expect(findings.map(({ code }) => code)).toEqual(['log_forked'])
  })

  it('that was tampered with claims nothing that the root does not hold', async () => {
    const resume = await interruptedAt(log, 700)
    const forged = Buffer.from(resume.partial[1] ?? '', 'base64')
    forged[5] = (forged[5] ?? 0) ^ 1
    const partial = resume.partial.with(1, forged.toString('base64'))
    const { ok, verified } = await verifyLog(log, { keys: logKeys, resume: { ...resume, partial } })
    expect({ ok, verified }).toEqual({ ok: false, verified: 0 })
    const short = { ...resume, partial: resume.partial.slice(1) }
    await expect(verifyLog(log, { keys: logKeys, resume: short })).rejects.toThrow(RangeError)
  })
})
