import { readdirSync, readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { loadConfig, parseConfig, requireConfig } from '../../src/config.ts'
import { type BadFile, matching, textOf } from '../scope/problems.ts'
import { BASE, CASES, problemsFor } from './problems.ts'

const files = readdirSync(CASES).filter((name) => name !== 'base.yaml')

test('the configuration that every case breaks in one place is itself right', async () => {
  expect(await problemsFor({ it: 'the base', text: BASE })).toEqual([])
})

describe.each(files)('%s', (file) => {
  const cases: (BadFile & { problems: string[] })[] = parse(readFileSync(join(CASES, file), 'utf8'))

  test.each(cases.map((each) => [each.it, each] as const))('refuses %s', async (_it, each) => {
    expect(each.problems.length).toBeGreaterThan(0)
    expect(await problemsFor(each)).toEqual(matching(each.problems))
    if (textOf(each, BASE).includes('hunter2')) {
      expect((await problemsFor(each)).join()).not.toContain('hunter2')
    }
  })
})

describe('a configuration', () => {
  const config = async (replace: string, by: string) => {
    const parsed = await parseConfig('x.yaml', textOf({ it: 'x', replace, by }, BASE))
    if (!parsed.ok) throw new Error(JSON.stringify(parsed.diagnostics))
    return parsed.config
  }

  test.each([
    ['127.0.0.1:8080', { host: '127.0.0.1', port: 8080 }],
    ['"[::1]:8080"', { host: '::1', port: 8080 }],
    ['localhost:65535', { host: 'localhost', port: 65535 }],
    ['0.0.0.0:80', { host: '0.0.0.0', port: 80 }],
  ])('listens on %s', async (text, listen) => {
    expect((await config('listen: 127.0.0.1:8080', `listen: ${text}`)).listen).toEqual(listen)
  })

  test.each([
    ['https://credctl.example.com/', 'https://credctl.example.com'],
    ['https://credctl.example.com/tools/', 'https://credctl.example.com/tools'],
    ['https://credctl.example.com:8443', 'https://credctl.example.com:8443'],
    ['http://127.0.0.1:8080', 'http://127.0.0.1:8080'],
    ['"http://[::1]:8080"', 'http://[::1]:8080'],
    ['http://localhost:8080', 'http://localhost:8080'],
  ])('is reached at %s', async (text, url) => {
    expect((await config('url: https://credctl.example.com', `url: ${text}`)).url).toBe(url)
  })

  test('cannot be changed once read', async () => {
    const { environments, issuers, listen } = await config(
      'ledger.example.com',
      'other.example.com',
    )
    expect(Object.isFrozen(listen)).toBe(true)
    expect(Object.isFrozen(issuers['agents']?.callers[0]?.claims)).toBe(true)
    expect(Object.isFrozen(environments.get('prod')?.targets['orders-db'])).toBe(true)
    expect(() => Object.assign(environments.get('prod') ?? {}, { class: 'nonprod' })).toThrow()
  })

  test('does not throw, whatever the text', async () => {
    const part = fc.record({ at: fc.nat({ max: BASE.length }), cut: fc.nat({ max: 30 }) })
    await fc.assert(
      fc.asyncProperty(
        part,
        fc.string({ unit: 'binary', maxLength: 30 }),
        async ({ at, cut }, put) => {
          const parsed = await parseConfig('x', BASE.slice(0, at) + put + BASE.slice(at + cut))
          if (!parsed.ok) expect(parsed.diagnostics.length).toBeGreaterThan(0)
        },
      ),
      { numRuns: 500 },
    )
  })
})

describe('a file', () => {
  let directory: string
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'credctl-config-'))
  })
  afterAll(async () => {
    await rm(directory, { recursive: true, force: true })
  })

  test.each([
    ['that is missing', async () => join(directory, 'missing.yaml')],
    ['that is a directory', async () => directory],
    [
      'that is not UTF-8',
      async () => {
        const file = join(directory, 'latin.yaml')
        await writeFile(file, Buffer.from(BASE.replace('orders', 'orders\xff'), 'latin1'))
        return file
      },
    ],
  ])('%s is refused by name', async (_what, make) => {
    const file = await make()
    const loaded = await loadConfig(file)
    expect(loaded.ok || loaded.diagnostics[0]).toMatchObject({ file, line: 1, column: 1 })
    await expect(requireConfig(file)).rejects.toMatchObject({
      code: 'config_invalid',
      diagnostics: [{ file }],
    })
  })

  test('that is right is read', async () => {
    const file = join(directory, 'good.yaml')
    await writeFile(file, BASE)
    expect((await requireConfig(file)).origin).toBe('credctl.example.com/log')
  })
})
