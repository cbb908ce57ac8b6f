import { readFile } from 'node:fs/promises'
import { describe, expect, test } from 'vitest'
import { requirePackages } from '../../src/cli/serve/packages.ts'
import { requireConfig } from '../../src/config.ts'

interface Locked {
  readonly dependencies?: Record<string, string>
  readonly optionalDependencies?: Record<string, string>
  readonly license?: string
}

const json = async (file: string) => JSON.parse(await readFile(file, 'utf8'))
const manifest: Required<Locked> = await json('package.json')
const locked: Record<string, Locked> = (await json('package-lock.json')).packages
const [, required = '', optional = ''] = (await readFile('docs/dependencies.md', 'utf8')).split(
  '\n## ',
)
const listed = (text: string) => [...text.matchAll(/^\| `([^`]+)` \|/gm)].map(([, name]) => name)

/** Where Node.js would find a package that one at `from` asks for. */
function placeOf(name: string, from: string): string | undefined {
  for (let at = from; ; at = at.slice(0, Math.max(at.lastIndexOf('/node_modules/'), 0))) {
    const place = `${at === '' ? '' : `${at}/`}node_modules/${name}`
    if (locked[place] !== undefined) return place
    if (at === '') return undefined
  }
}

/** Packages that come with these when optional ones are left out. */
function reached(names: readonly string[]): Set<string> {
  const found = new Set<string>()
  const queue = names.map((name) => placeOf(name, ''))
  for (let place = queue.pop(); queue.length > 0 || place !== undefined; place = queue.pop()) {
    if (place === undefined || found.has(place)) continue
    found.add(place)
    const from = place
    queue.push(...Object.keys(locked[place]?.dependencies ?? {}).map((name) => placeOf(name, from)))
  }
  return found
}

describe('docs/dependencies.md', () => {
  test('lists what package.json asks for, each with its reason', () => {
    expect(listed(required)).toEqual(Object.keys(manifest.dependencies).sort())
    expect(listed(optional).sort()).toEqual(Object.keys(manifest.optionalDependencies).sort())
  })

  test('is right that everybody installs fewer than 60 packages', () => {
    const places = reached(Object.keys(manifest.dependencies))
    expect(places.size).toBeGreaterThan(Object.keys(manifest.dependencies).length)
    expect(places.size).toBeLessThan(60)
  })

  test('is right that licences are permissive', () => {
    const all = reached([
      ...Object.keys(manifest.dependencies),
      ...Object.keys(manifest.optionalDependencies),
    ])
    const permissive =
      /^\(?(?:MIT|ISC|Apache-2\.0|BSD-[23]-Clause|0BSD|BlueOak-1\.0\.0|Unlicense|Python-2\.0)\b/
    const others = [...all].filter((place) => !permissive.test(locked[place]?.license ?? ''))
    // Public domain or MIT, in a field that npm gave up.
    expect(others).toEqual(['node_modules/tv4'])
  })
})

describe('a broker whose configuration needs a package that was left out', () => {
  test('does not start, and names it', async () => {
    const config = await requireConfig('credctl.example.yaml')
    expect(() => requirePackages(config)).not.toThrow()
    const missing = (name: string) => () => requirePackages(config, (each) => each !== name)
    expect(missing('@aws-sdk/client-sts')).toThrow('@aws-sdk/client-sts (AWS targets)')
    expect(missing('node-vault')).toThrow('node-vault (vault)')
    const bare = { ...config, vault: undefined, environments: new Map() }
    expect(() => requirePackages(bare, (name) => name !== 'node-vault')).not.toThrow()
    const refers = { ...bare, keys: { log: 'aws-sm:log', token: 'aws-sm:token' } } as typeof config
    const withoutManager = (name: string) => !name.endsWith('secrets-manager')
    expect(() => requirePackages(refers, withoutManager)).toThrow('aws-sm: references')
  })
})
