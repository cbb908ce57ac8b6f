import { execFile } from 'node:child_process'
import { appendFile, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect, promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { AnchorConfig } from '../../src/config/anchors.ts'
import type { Anchor, Anchored } from '../../src/publish/anchor.ts'
import { anchorsOf } from '../../src/publish/configured.ts'
import { startS3 } from '../support/s3.ts'
import { GrowingLog, open } from './growing-log.ts'

const T0 = new Date('2026-11-20T10:00:00.000Z')
const ORIGIN = 'broker.example/log'
let directory = ''
let s3: Awaited<ReturnType<typeof startS3>>

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'credctl-anchor-'))
  s3 = await startS3({ now: () => T0, pageSize: 2 })
})
afterEach(async () => {
  await s3.close()
  await rm(directory, { recursive: true, force: true })
})

/** `config` with DIR for the directory of this test. */
function anchor(
  config: object,
  environment: Record<string, string | undefined> = process.env,
): Anchor {
  const text = JSON.stringify({ every: 600, ...config }).replaceAll('DIR', directory)
  const anchors = { place: JSON.parse(text) as AnchorConfig }
  const [found] = anchorsOf(
    { origin: ORIGIN, anchors },
    { now: () => T0, environment, s3: s3.place },
  )
  if (found === undefined) throw new Error('no anchor')
  return found.anchor
}

async function checkpoint(size: number): Promise<Anchored> {
  const { origin, root, signed } = open(await new GrowingLog(size).checkpoint())
  return { origin, size, root, note: signed }
}

async function git(...args: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)('git', args, { cwd: directory })
  return stdout
}

const FILE = { file: { path: 'DIR/anchor.jsonl' } }
const BUCKET = { bucket: 'anchors', region: 'eu-central-1', prefix: 'credctl/', retain_days: 30 }
const REPOSITORY = { git: { directory: 'DIR/repository', branch: 'main' } }

async function sizes(place: Anchor, limit = 100): Promise<number[]> {
  return (await place.read(limit)).kept.map(({ note }) => open(note).size)
}

describe.each([
  ['a file', FILE],
  ['a bucket', { s3: BUCKET }],
  ['a repository', REPOSITORY],
])('%s', (_what, config) => {
  it('gives back what it was given, the newest last, and no more than asked for', async () => {
    const place = anchor(config)
    for (const size of [3, 9, 10, 256, 1000]) await place.put(await checkpoint(size))
    expect(await sizes(place)).toEqual([3, 9, 10, 256, 1000])
    expect(await sizes(anchor(config), 2)).toEqual([256, 1000])
  })

  it('takes the same checkpoint again, as after a crash or from another replica', async () => {
    await anchor(config).put(await checkpoint(3))
    await anchor(config).put(await checkpoint(3))
    expect(new Set(await sizes(anchor(config)))).toEqual(new Set([3]))
  })
})

describe('a file', () => {
  it('only grows, and survives a record that was cut', async () => {
    const place = anchor(FILE)
    const path = join(directory, 'anchor.jsonl')
    await place.put(await checkpoint(3))
    const before = await readFile(path)
    await appendFile(path, '{"checkpoint":"bro')
    await place.put(await checkpoint(9))
    expect((await readFile(path)).subarray(0, before.length)).toEqual(before)
    expect(await place.read(10)).toMatchObject({ unreadable: 1 })
    expect(await sizes(place)).toEqual([3, 9])
  })

  it.each([
    ['not JSON', 'hello'],
    ['another shape', '{"checkpoint":"x","more":1}'],
    ['another type', '{"checkpoint":7}'],
  ])('passes over a line that is %s', async (_what, line) => {
    await writeFile(join(directory, 'anchor.jsonl'), `${line}\n`)
    await anchor(FILE).put(await checkpoint(3))
    expect(await anchor(FILE).read(10)).toMatchObject({ unreadable: 1, kept: [{}] })
  })

  it('that is not there cannot be read, and one without its directory not written', async () => {
    await expect(anchor(FILE).read(10)).rejects.toMatchObject({ code: 'unavailable' })
    const lost = anchor({ file: { path: 'DIR/none/anchor.jsonl' } })
    await expect(lost.put(await checkpoint(3))).rejects.toMatchObject({ code: 'unavailable' })
  })
})

describe('a bucket', () => {
  it('locks every checkpoint for its time, and says when it got it', async () => {
    await anchor({ s3: BUCKET }).put(await checkpoint(3))
    const [version] = s3.versions
    expect(version?.key).toMatch(/^credctl\/[0-9a-f]{16}\/0000000000000003-[0-9a-f]{64}$/)
    expect(version?.lockedUntil).toEqual(new Date('2026-12-20T10:00:00.000Z'))
    const { kept } = await anchor({ s3: BUCKET }).read(1)
    expect(kept[0]?.time).toEqual(T0)
  })

  it('shows what a delete marker hides', async () => {
    const place = anchor({ s3: BUCKET })
    for (const size of [3, 9]) await place.put(await checkpoint(size))
    s3.hide(s3.versions[1]?.key ?? '')
    expect(await sizes(place)).toEqual([3, 9])
  })

  it('without Object Lock is refused', async () => {
    const plain = await startS3({ objectLock: false })
    const kept = s3
    s3 = plain
    const put = anchor({ s3: BUCKET }).put(await checkpoint(3))
    await expect(put).rejects.toThrow('the bucket has no Object Lock')
    await plain.close()
    s3 = kept
  })

  it.each([
    ['AccessDenied', 403, 'the broker may not'],
    ['NoSuchBucket', 404, 'no such bucket'],
    ['ConditionalRequestConflict', 409, 'somebody else wrote'],
    ['SomethingElse', 400, 'S3 failed'],
  ])('that answers %s is named without its own words', async (code, status, message) => {
    s3.refuse(code, status)
    const place = anchor({ s3: BUCKET })
    const given = await checkpoint(3)
    for (const attempt of [() => place.put(given), () => place.read(10)]) {
      const error = await attempt().then(
        () => undefined,
        (thrown: Error) => thrown,
      )
      expect(error?.message).toContain(message)
      expect(error?.message).not.toContain('canary')
    }
  })
})

describe('a repository', () => {
  it('has one commit a checkpoint, made without working tree, hooks or names of people', async () => {
    const place = anchor(REPOSITORY)
    await place.put(await checkpoint(3))
    await writeFile(
      join(directory, 'repository/.git/hooks/reference-transaction'),
      '#!/bin/sh\nexit 1\n',
      {
        mode: 0o755,
      },
    )
    await place.put(await checkpoint(9))
    const log = await git('-C', 'repository', 'log', '--format=%an %s', 'main')
    expect(log).toBe(
      'credctl 9 entries of broker.example/log\ncredctl 3 entries of broker.example/log\n',
    )
    await expect(stat(join(directory, 'repository/checkpoint'))).rejects.toThrow('ENOENT')
    expect(await git('-C', 'repository', 'show', 'main:checkpoint')).toBe(
      (await checkpoint(9)).note,
    )
  })

  it('pushes to its remote, and replicas on other machines continue one history there', async () => {
    await git('init', '--quiet', '--bare', 'remote.git')
    const replicas = ['one', 'two'].map((name) => ({
      git: { directory: `DIR/${name}`, branch: 'main', remote: 'origin' },
    }))
    for (const [at, config] of replicas.entries()) {
      const name = ['one', 'two'][at] ?? ''
      await git('init', '--quiet', '--initial-branch=main', name)
      await git('-C', name, 'remote', 'add', 'origin', join(directory, 'remote.git'))
      await anchor(config).put(await checkpoint(at + 3))
    }
    await anchor(replicas[0] ?? {}).put(await checkpoint(9))
    const log = await git('-C', 'remote.git', 'log', '--format=%s', 'main')
    expect(
      log
        .split('\n')
        .map((line) => Number.parseInt(line, 10))
        .filter(Boolean),
    ).toEqual([9, 4, 3])
    expect(await sizes(anchor(replicas[1] ?? {}))).toEqual([3, 4, 9])
  })

  it('whose remote is gone says so and quotes nothing of its address', async () => {
    await git('init', '--quiet', 'one')
    await git('-C', 'one', 'remote', 'add', 'origin', 'https://user:hunter2@127.0.0.1:1/x.git')
    const place = anchor({ git: { directory: 'DIR/one', branch: 'main', remote: 'origin' } })
    const error = await place.put(await checkpoint(3)).catch((thrown: Error) => thrown)
    expect(error).toMatchObject({ code: 'unavailable', message: 'git ls-remote failed' })
    expect(inspect(error, { depth: 9 })).not.toContain('hunter2')
  })

  it('runs no transport that would run a program', async () => {
    await git('init', '--quiet', 'one')
    await git('-C', 'one', 'remote', 'add', 'origin', `ext::sh -c "touch ${directory}/owned"`)
    const place = anchor({ git: { directory: 'DIR/one', branch: 'main', remote: 'origin' } })
    await expect(place.put(await checkpoint(3))).rejects.toMatchObject({ code: 'unavailable' })
    await expect(stat(join(directory, 'owned'))).rejects.toThrow('ENOENT')
  })

  it('without git on the machine says so', async () => {
    const place = anchor(REPOSITORY, { PATH: '/nowhere' })
    await expect(place.put(await checkpoint(3))).rejects.toMatchObject({ code: 'unavailable' })
  })
})
