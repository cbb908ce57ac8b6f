import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Cli } from '../../src/cli/cli.ts'
import init from '../../src/cli/init/init.ts'

let directory = ''
const before = process.cwd()
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'credctl-init-'))
  process.chdir(directory)
})
afterEach(async () => {
  process.chdir(before)
  await rm(directory, { recursive: true, force: true })
})

/** A person at a terminal who says these lines, one for each question. */
function terminal(...answers: readonly string[]) {
  const stdin = Object.assign(new PassThrough(), { isTTY: true })
  const stderr = new PassThrough()
  let asked = ''
  const left = [...answers]
  stderr.setEncoding('utf8').on('data', (chunk: string) => {
    asked += chunk
    if (/(?:: |\] )$/.test(chunk)) setImmediate(() => stdin.write(`${left.shift() ?? ''}\n`))
  })
  const process = { stdin, stdout: new PassThrough(), stderr, env: {} }
  return { cli: { process } as unknown as Cli, asked: () => asked }
}

const FLAGS = { yes: false, output: 'json' } as const

test('asks for what no flag says, and writes what was answered', async () => {
  const { cli, asked } = terminal('9919', '81234567', 'y')
  expect(await init(cli, FLAGS)).toBe(0)
  expect(asked()).toContain('Write credctl.yaml, task-scopes/read-app-data.yaml, .github/workflows')
  expect(await readFile('credctl.yaml', 'utf8')).toContain('repository_owner_id: "9919"')
  expect(await readFile('task-scopes/read-app-data.yaml', 'utf8')).toContain('"81234567"')
})

test('asks nothing that a flag has said, and writes nothing without a yes', async () => {
  const { cli, asked } = terminal('', 'no')
  expect(await init(cli, { ...FLAGS, githubOwnerId: '9919' })).toBe(1)
  expect(asked()).not.toContain('the organisation')
  await expect(readFile('credctl.yaml')).rejects.toThrow()
})

test('takes no name for a number', async () => {
  const { cli } = terminal('acme')
  await expect(init(cli, FLAGS)).rejects.toThrow('not a numeric id')
})
