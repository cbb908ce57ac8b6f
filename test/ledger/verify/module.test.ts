import { expect, it } from 'vitest'
import { readSources } from '../../architecture/source.ts'

it('the published verifier reaches neither a database driver nor a server', () => {
  const sources = new Map(readSources().map((source) => [source.name, source]))
  const reached = new Set(['ledger/verify.ts', 'ledger/verify/worker.ts'])
  const packages = new Set<string>()
  for (const name of reached) {
    for (const { specifier, target, typeOnly } of sources.get(name)?.imports ?? []) {
      if (typeOnly) continue
      if (target !== undefined) reached.add(target)
      else if (!specifier.startsWith('node:')) packages.add(specifier)
    }
  }
  expect(reached.size).toBeGreaterThan(15)
  expect([...packages].sort()).toEqual(['canonicalize', 'zod'])
  expect([...reached].filter((name) => name.includes('postgres/'))).toEqual([])
})
