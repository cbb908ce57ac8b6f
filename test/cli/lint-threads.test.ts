import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { problemsInAll } from '../../src/cli/scope/lint-threads.ts'
import { sortDiagnostics } from '../../src/document/diagnostic.ts'
import { writeFiles } from './session.ts'

let directory = ''
const files = new Map<string, string>()

/** One in seven has a misspelt key, one in eleven another name, and some are declared twice. */
function scopeText(name: string, index: number): string {
  return [
    `name: ${index % 11 === 0 ? 'other' : name}`,
    'owner: team-orders',
    'description: Recompute totals of orders.',
    `${index % 7 === 0 ? 'alow' : 'allow'}:`,
    '  - { caller: agent, issuer: agents, claims: { team: orders } }',
    `environments: [${index % 13 === 0 ? 'stagin' : 'staging'}]`,
    'ttl: 15m',
    'access: { orders-db: { postgres: { tables: { public.orders: [select] } } } }',
    '',
  ].join('\r\n')
}

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'credctl-threads-'))
  for (let index = 0; index < 620; index += 1) {
    const name = `scope-${index % 600}`
    files.set(join(index < 600 ? 'a' : 'b', `${name}.yaml`), scopeText(name, index))
  }
  await writeFiles(directory, files)
})
afterAll(async () => await rm(directory, { recursive: true, force: true }))

test('many files have the same problems, however many threads look at them', async () => {
  const work = {
    files: [...files.keys()].map((file) => join(directory, file)),
    config: join(import.meta.dirname, '../../credctl.yaml'),
  }
  const alone = sortDiagnostics(await problemsInAll(work, 1))
  const together = sortDiagnostics(await problemsInAll(work, 2))
  expect(together).toEqual(alone)
  const messages = alone.map(({ message }) => message)
  expect(messages.filter((text) => text.startsWith('unknown key "alow"'))).toHaveLength(89)
  expect(messages.filter((text) => text.includes('is already declared in'))).not.toHaveLength(0)
  expect(messages).toContain('there is no environment stagin')
})
