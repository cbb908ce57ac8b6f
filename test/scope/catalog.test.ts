import { mkdir, mkdtemp, rename, rm, symlink, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { formatDiagnostic } from '../../src/document/diagnostic.ts'
import { type Catalog, loadCatalog, loadScopes, requireCatalog } from '../../src/scope/catalog.ts'
import { BASE } from './problems.ts'

let directory: string
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'credctl-scopes-'))
})
afterEach(async () => {
  await rm(directory, { recursive: true, force: true })
})

const scope = (name: string) => BASE.replace('name: probe', `name: ${name}`)
const put = async (file: string, text: string | Buffer) =>
  await writeFile(join(directory, file), text)

async function good(): Promise<Catalog> {
  return await requireCatalog(directory)
}

async function problems(where = directory): Promise<string[]> {
  const loaded = await loadCatalog(where)
  return loaded.ok ? [] : loaded.diagnostics.map(formatDiagnostic)
}

describe('a directory', () => {
  test('gives every scope in it', async () => {
    await put('one.yaml', scope('one'))
    await put('two.yml', scope('two'))
    await put('README.md', 'not a scope')
    expect([...(await good()).scopes.keys()]).toEqual(['one', 'two'])
  })

  test('that is missing is refused by name', async () => {
    const missing = join(directory, 'missing')
    expect(await problems(missing)).toEqual([
      `${missing}:1:1: cannot read the directory of task scopes (ENOENT); expected a readable directory`,
    ])
  })

  test('that is a file is refused by name', async () => {
    await put('file', '')
    expect(await problems(join(directory, 'file'))).toEqual([expect.stringContaining('(ENOTDIR)')])
  })

  test('without scopes is refused by name: an empty mount is no catalogue', async () => {
    await put('README.md', 'scopes go here')
    expect(await problems()).toEqual([
      expect.stringContaining(`${directory}:1:1: has no task scopes`),
    ])
  })

  test('that is refused gives no catalogue', async () => {
    await expect(requireCatalog(directory)).rejects.toMatchObject({ code: 'scopes_invalid' })
  })
})

/** What can become of one file among good ones. */
const DAMAGE: Record<string, () => Promise<unknown>> = {
  'is empty': () => put('bad.yaml', ''),
  'was cut off': () => truncate(join(directory, 'bad.yaml'), 120),
  'is not UTF-8': () =>
    put('bad.yaml', Buffer.from(scope('bad').replace('A scope', 'A sc\u00ffpe'), 'latin1')),
  'is not YAML': () => put('bad.yaml', '{{{'),
  'is a link to nothing': async () => {
    await rm(join(directory, 'bad.yaml'))
    await symlink(join(directory, 'nothing'), join(directory, 'bad.yaml'))
  },
  'is a link to itself': async () => {
    await rm(join(directory, 'bad.yaml'))
    await symlink('bad.yaml', join(directory, 'bad.yaml'))
  },
  'is a directory': async () => {
    await rm(join(directory, 'bad.yaml'))
    await mkdir(join(directory, 'bad.yaml'))
  },
  'is called like another scope': () =>
    rename(join(directory, 'bad.yaml'), join(directory, 'worse.yaml')),
  'differs from its name in case': () =>
    rename(join(directory, 'bad.yaml'), join(directory, 'Bad.yaml')),
  'is there twice': () => put('bad.yml', scope('bad')),
  'has an unknown key': () => put('bad.yaml', `${scope('bad')}extra: 1\n`),
  'has a hole that is not declared': () =>
    put('bad.yaml', scope('bad').replace('/*"]', `/\${user}/*"]`)),
}

describe('one file that', () => {
  beforeEach(async () => {
    await put('one.yaml', scope('one'))
    await put('bad.yaml', scope('bad'))
    await put('two.yaml', scope('two'))
  })

  test.each(Object.entries(DAMAGE))(
    '%s refuses the whole catalogue by name',
    async (_what, damage) => {
      await damage()
      const found = await problems()
      expect(found.length).toBeGreaterThan(0)
      for (const line of found) expect(line).toMatch(/(bad|worse)\.ya?ml:\d+:\d+: /i)
      await expect(requireCatalog(directory)).rejects.toMatchObject({ code: 'scopes_invalid' })
    },
  )

  test('is gone takes its scope with it and changes the digest', async () => {
    const before = await good()
    await rm(join(directory, 'bad.yaml'))
    const after = await good()
    expect(after.scopes.has('bad')).toBe(false)
    expect(after.digest).not.toBe(before.digest)
    expect(after.scopes.get('one')?.digest).toBe(before.scopes.get('one')?.digest)
  })

  test('is bad twice over is reported in full, in the order of files and lines', async () => {
    await put('bad.yaml', `${scope('bad').replace('15m', '15')}extra: 1\n`)
    await put('two.yaml', scope('two').replace('[dev]', '[]'))
    expect((await problems()).map((line) => line.slice(directory.length + 1, -1))).toEqual([
      expect.stringMatching(/^bad\.yaml:9:/),
      expect.stringMatching(/^bad\.yaml:22:/),
      expect.stringMatching(/^two\.yaml:8:/),
    ])
  })
})

describe('digests', () => {
  const digest = async (text: string) => {
    await put('probe.yaml', text)
    return (await good()).scopes.get('probe')?.digest
  }

  test('stay the same when comments, layout and the order of keys change', async () => {
    const first = await digest(BASE)
    expect(await digest(`# reviewed\n${BASE}\n`)).toBe(first)
    expect(await digest(BASE.replace('[dev]', '\n  - dev'))).toBe(first)
    expect(await digest(BASE.replace('ttl: 15m\n', '').concat('ttl: 15m\n'))).toBe(first)
    expect(await digest(BASE.replace('15m', '900s'))).toBe(first)
  })

  test.each([
    ['[select, update]', '[select, update, insert]'],
    ['team: orders', 'team: billing'],
    ['15m', '16m'],
    ['[dev]', '[dev, prod]'],
    ['live_grants: 2', 'live_grants: 3'],
    ['A scope to break', 'A scope to mend'],
    ['s3:GetObject', 's3:PutObject'],
  ])('change when %s becomes %s', async (from, to) => {
    expect(await digest(BASE.replace(from, to))).not.toBe(await digest(BASE))
  })

  test('of the catalogue depend on what the scopes are, not on how they were found', async () => {
    await put('one.yaml', scope('one'))
    await put('two.yaml', scope('two'))
    const files = ['one.yaml', 'two.yaml'].map((name) => join(directory, name))
    const [forward, backward] = [await loadScopes(files), await loadScopes(files.toReversed())]
    expect(forward.ok && backward.ok && backward.catalog.digest).toBe(
      forward.ok && forward.catalog.digest,
    )
  })
})

test('a catalogue cannot be changed once loaded', async () => {
  await put('probe.yaml', BASE)
  const scopeInForce = (await good()).scopes.get('probe')?.scope
  expect(() => Object.assign(scopeInForce ?? {}, { ttl: 1 })).toThrow(TypeError)
  expect(() => scopeInForce?.allow.splice(0)).toThrow(TypeError)
})
