import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { OUTPUTS } from '../../src/cli/output/schemas.ts'
import { difference, parseSession, runCredctl, type Step, writeFiles } from './session.ts'

const directory = join(import.meta.dirname, 'sessions')

const files = (await readdir(directory)).filter((file) => file.endsWith('.txt')).sort()

describe.each(files)('%s', async (file) => {
  const session = parseSession(await readFile(join(directory, file), 'utf8'))
  let cwd = ''

  beforeAll(async () => {
    cwd = await mkdtemp(join(tmpdir(), `credctl-${basename(file, '.txt')}-`))
    await writeFiles(cwd, session.files)
  })
  afterAll(async () => await rm(cwd, { recursive: true, force: true }))

  test.each(session.steps.map((step) => [`${step.line}: ${step.argv.join(' ')}`, step] as const))(
    'line %s',
    async (_title, step) => check(step, await runCredctl(step.argv, { cwd })),
  )
})

function check(step: Step, outcome: Awaited<ReturnType<typeof runCredctl>>): void {
  const shown = `stdout:\n${outcome.stdout}\nstderr:\n${outcome.stderr}`
  expect(outcome.status, shown).toBe(step.status)
  const { stdout, stderr } = outcome
  if (difference(step.stdout, stdout) !== undefined) expect(stdout).toBe(step.stdout.join('\n'))
  if (difference(step.stderr, stderr) !== undefined) expect(stderr).toBe(step.stderr.join('\n'))
  if (step.argv.join(' ').includes('--output json')) checkPublished(step, stdout)
  for (const text of step.notStdout) expect(stdout).not.toContain(text)
  for (const text of step.notStderr) expect(stderr).not.toContain(text)
}

/** Every answer to `--output json` has the published shape of its command, or that of a failure. */
function checkPublished(step: Step, stdout: string): void {
  const answer: unknown = JSON.parse(stdout)
  const name = Object.keys(OUTPUTS).find((each) => step.argv.join(' ').startsWith(each))
  const failed = typeof answer === 'object' && answer !== null && 'error' in answer
  const schema = failed ? OUTPUTS.failure : OUTPUTS[name as keyof typeof OUTPUTS]
  expect(schema.safeParse(answer).error?.issues).toBeUndefined()
}
