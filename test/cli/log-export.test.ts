import { spawn } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { once } from 'node:events'
import { appendFile, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { exportLog } from '../../src/ledger/verify.ts'
import { allowed, at, catalogue, ended, id, T0 } from '../ledger/entries.ts'
import { writeLog } from '../ledger/file-log.ts'
import { runCredctl } from './session.ts'

let home = ''

const entries = Array.from({ length: 900 }, (_, index) => {
  if (index === 0) return catalogue()
  if (index === 899) return ended(grantAt(700), 700, 900)
  return allowed(grantAt(index), { time: at(index) })
})

/** A grant decided at second `index`: the id of a grant begins with its time. */
function grantAt(index: number): string {
  let text = ''
  for (let rest = T0 + index * 1000, n = 0; n < 10; n += 1, rest = Math.floor(rest / 32)) {
    text = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'[rest % 32] + text
  }
  return text + id(index).slice(-16)
}

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'credctl-export-'))
  await exportLog(writeLog(entries), join(home, 'log'))
  await exportLog(writeLog(entries.slice(0, 300)), join(home, 'young'))
})
afterAll(() => rm(home, { recursive: true, force: true }))

const credctl = (...argv: readonly string[]) => runCredctl(argv, { cwd: home, env: {} })
const linesOf = (text: string) => text.split('\n').filter((line) => line !== '')
const sizeOf = (file: string) =>
  stat(join(home, file)).then(
    ({ size }) => size,
    () => 0,
  )
/** None of a line that was torn. */
function indexOf(line: string): number[] {
  try {
    return [JSON.parse(line).index]
  } catch {
    return []
  }
}
const read = async (file: string) => linesOf(await readFile(join(home, file), 'utf8'))

describe('credctl log export', () => {
  test.each(['jsonl', 'cloudevents', 'ocsf'])(
    'writes entries as %s, one a line',
    async (format) => {
      const { status, stdout, stderr } = await credctl('log', 'export', 'log', '--format', format)
      expect(status, stderr).toBe(0)
      const lines = linesOf(stdout)
      expect(lines).toHaveLength(900)
      for (const line of lines) expect(() => JSON.parse(line)).not.toThrow()
      expect(stderr).toContain('900 entries, next is 900')
    },
  )

  test('goes on where its cursor stands', async () => {
    const argv = ['--format', 'jsonl', '--to', 'all.jsonl', '--cursor', 'cursor'] as const
    const first = await credctl('log', 'export', 'young', ...argv, '--output', 'json')
    const done = { file: 'all.jsonl', format: 'jsonl', entries: 300, next: 300 }
    expect(JSON.parse(first.stdout)).toEqual(done)
    expect((await credctl('log', 'export', 'log', ...argv)).stdout).toContain('600 entries')
    expect((await credctl('log', 'export', 'log', ...argv)).stdout).toContain('0 entries')
    const indexes = (await read('all.jsonl')).map((line) => JSON.parse(line).index)
    expect(indexes).toEqual(entries.map((_each, index) => index))
    expect((await stat(join(home, 'all.jsonl'))).mode & 0o777).toBe(0o600)
  })

  test('begins a new line after a run that was killed in the middle of one', async () => {
    await appendFile(join(home, 'torn.jsonl'), '{"origin":"broker.exa')
    await credctl('log', 'export', 'young', '--format', 'jsonl', '--to', 'torn.jsonl')
    const [torn, ...lines] = await read('torn.jsonl')
    expect(torn).toBe('{"origin":"broker.exa')
    expect(lines.map((line) => JSON.parse(line).index)).toHaveLength(300)
  })

  test('killed at any moment repeats some entries the next time and leaves none out', async () => {
    const bin = join(import.meta.dirname, '../../bin/credctl.js')
    const argv = ['log', 'export', 'log', '--format', 'jsonl', '--to', 'k.jsonl', '--cursor', 'k']
    const child = spawn(process.execPath, [bin, ...argv], { cwd: home, stdio: 'ignore' })
    const gone = once(child, 'exit')
    await expect.poll(() => sizeOf('k.jsonl'), { interval: 1, timeout: 15_000 }).toBeGreaterThan(0)
    child.kill('SIGKILL')
    await gone
    expect((await credctl(...argv)).status).toBe(0)
    const indexes = (await read('k.jsonl')).flatMap(indexOf)
    expect([...new Set(indexes)].sort((a, b) => a - b)).toEqual(entries.map((_each, n) => n))
  })

  test('signs envelopes with the key that is given', async () => {
    const { privateKey } = generateKeyPairSync('ed25519')
    const pem = privateKey.export({ type: 'pkcs8', format: 'pem' })
    await writeFile(join(home, 'key.pem'), pem)
    const argv = ['log', 'export', 'young', '--format', 'dsse', '--signing-key', 'key.pem']
    const { stdout } = await credctl(...argv)
    const lines = linesOf(stdout)
    expect(lines).toHaveLength(300)
    expect(JSON.parse(lines[0] ?? '').payloadType).toBe('application/vnd.in-toto+json')
  })

  test.each([
    ['envelopes without a key', ['--format', 'dsse'], 2, '--signing-key'],
    ['a key for what is not signed', ['--format', 'ocsf', '--signing-key', 'x'], 2, 'dsse'],
    ['a key that is none', ['--format', 'dsse', '--signing-key', 'bad.pem'], 1, 'Ed25519'],
    ['a copy without a place', [], 2, '--to DIR'],
    ['a copy with a cursor', ['--to', 'copy', '--cursor', 'cursor'], 2, '--to DIR'],
    ['a damaged cursor', ['--format', 'jsonl', '--cursor', 'bad.pem'], 1, 'no cursor'],
  ])('refuses %s', async (_what, argv, expected, message) => {
    await writeFile(join(home, 'bad.pem'), 'nothing')
    const { status, stdout, stderr } = await credctl('log', 'export', 'young', ...argv)
    expect(stderr).toContain(message)
    expect(status).toBe(expected)
    expect(stdout).toBe('')
  })

  test('refuses a cursor of another log', async () => {
    await writeFile(join(home, 'other'), '{"origin":"other.example/log","next":3}')
    const argv = ['log', 'export', 'young', '--format', 'jsonl', '--cursor', 'other']
    expect((await credctl(...argv)).status).toBe(1)
  })
})

describe('credctl log show', () => {
  const shown = async (...argv: readonly string[]) => {
    const { stdout, status, stderr } = await credctl(
      'log',
      'show',
      'log',
      '--output',
      'json',
      ...argv,
    )
    expect(status, stderr).toBe(0)
    return linesOf(stdout).map((line) => JSON.parse(line).index as number)
  }
  const range = (from: number, to: number) =>
    Array.from({ length: to - from }, (_, index) => from + index)

  test.each([
    ['from a time on', ['--since', at(600)], range(600, 900)],
    ['before a time', ['--until', at(300)], range(0, 300)],
    ['between two times', ['--since', at(255), '--until', at(513)], range(255, 513)],
    ['of a grant, by the time in its id', ['--grant', grantAt(700)], [700, 899]],
    ['of a grant after a time', ['--grant', grantAt(700), '--since', at(899)], [899]],
    ['of a scope after a time', ['--scope', 'backfill-order-totals', '--since', at(899)], [899]],
    ['of a grant that is none', ['--grant', 'nothing'], []],
    ['of a kind', ['--kind', 'grant.ended'], [899]],
  ])('shows entries %s', async (_what, argv, expected) => {
    expect(await shown(...argv)).toEqual(expected)
  })

  test('finds a grant also where the clock of its broker was behind', async () => {
    const late = grantAt(2_000)
    const log = writeLog([...entries.slice(0, 600), allowed(late, { time: at(1_900) })])
    await exportLog(log, join(home, 'skewed'))
    const { stdout } = await credctl('log', 'show', 'skewed', '--grant', late, '--output', 'json')
    expect(linesOf(stdout)).toHaveLength(1)
  })
})
