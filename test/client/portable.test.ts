import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { ROOT, readSources } from '../architecture/source.ts'
import { testBroker } from '../support/broker.ts'
import { testPostgres } from '../support/postgres.ts'

const files = readSources().filter(({ name }) => name.startsWith('client/'))

test('the client imports itself, the error codes and the types of the contract', () => {
  expect(files.length).toBeGreaterThan(5)
  const foreign = files.flatMap(({ name, imports }) =>
    imports.flatMap(({ target, specifier, typeOnly }) => {
      if (target?.startsWith('client/') || target === 'errors.ts') return []
      return typeOnly && target === 'contract.ts' ? [] : [`${name}: ${specifier}`]
    }),
  )
  expect(foreign).toEqual([])
})

test('the client reads nothing that only Node.js has', () => {
  const NODE_ONLY = ['process', 'Buffer', 'require', 'global', 'setImmediate', '__dirname']
  const used = files.flatMap(({ name, nodes }) =>
    nodes.flatMap(({ node }) =>
      node.type === 'Identifier' && NODE_ONLY.includes(String(node['name']))
        ? [`${name}: ${String(node['name'])}`]
        : [],
    ),
  )
  expect(used).toEqual([])
})

/**
 * The same program on other runtimes: CREDCTL_TEST_BUN and CREDCTL_TEST_DENO name their programs
 * (both are npm packages: `npx -y bun`, `npx -y deno`). Skipped without.
 */
const RUNTIMES = [
  ['Node.js', process.execPath, []],
  ['Bun', process.env['CREDCTL_TEST_BUN'], ['run']],
  ['Deno', process.env['CREDCTL_TEST_DENO'], ['run', '--allow-net', '--no-config']],
] as const

const postgres = testPostgres()

for (const [runtime, program, options] of RUNTIMES) {
  test.skipIf(program === undefined)(`a task runs on ${runtime}`, async () => {
    const broker = await testBroker(postgres)
    const directory = mkdtempSync(join(tmpdir(), 'credctl-client-'))
    try {
      const script = join(directory, 'task.ts')
      const identity = await broker.issuers.agent({ sub: 'agent-7', team: 'orders' })
      writeFileSync(script, programText(broker.url, identity))
      const { stdout, stderr } = await run(program ?? '', [...options, script])
      expect(stderr).not.toContain('error')
      expect(JSON.parse(stdout)).toEqual({
        targets: ['exports', 'orders-db'],
        key: 'ASIA',
        host: '127.0.0.1',
        status: 'ended',
      })
    } finally {
      rmSync(directory, { recursive: true })
      await broker.close()
    }
  })
}

/** A broker in this process must answer meanwhile. */
async function run(program: string, argv: readonly string[]) {
  return await new Promise<{ stdout: string; stderr: string }>((resolve) => {
    execFile(program, argv, (_error, stdout, stderr) => resolve({ stdout, stderr }))
  })
}

function programText(url: string, identity: string): string {
  return `import { createClient } from '${ROOT}/src/client/client.ts'
const client = createClient({ url: '${url}', identity: () => '${identity}', dpop: true })
const task = await client.start({
  scope: 'backfill-order-totals', environment: 'staging', intent: 'portability',
  parameters: { ticket: 'ORD-1' },
})
const { accessKeyId } = await task.aws('exports')()
const { host } = await task.postgres('orders-db')
await task.end()
console.log(JSON.stringify({
  targets: task.targets.map(({ name }) => name), key: accessKeyId.slice(0, 4), host,
  status: await task.status(),
}))
`
}
