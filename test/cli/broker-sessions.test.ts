import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type TestBroker, testBroker } from '../support/broker.ts'
import { testPostgres } from '../support/postgres.ts'
import { difference, namedIn, parseSession, runCredctl, type Step } from './session.ts'

/**
 * Sessions with a broker: who asks stands in `CREDCTL_AS` of a step, written before the command as
 * `$ credctl as agent grant list`. Without it, nobody has signed in.
 */
const directory = join(import.meta.dirname, 'broker-sessions')
const files = (await readdir(directory)).filter((file) => file.endsWith('.txt')).sort()
const postgres = testPostgres()

describe.each(files)('%s', async (file) => {
  const { steps } = parseSession(await readFile(join(directory, file), 'utf8'))
  const known = new Map<string, string>()
  let broker: TestBroker
  let cwd = ''

  beforeAll(async () => {
    broker = await testBroker(postgres)
    cwd = await mkdtemp(join(tmpdir(), 'credctl-session-'))
    await writeFile(join(cwd, 'credctl.yaml'), await readFile(broker.configFile))
    const { agent, ci, person } = broker.issuers
    const identities = {
      agent: await agent({ sub: 'agent-7', team: 'orders' }),
      stranger: await agent({ sub: 'agent-8', team: 'sales' }),
      ci: await ci({ sub: 'deploy', repository_owner_id: '9919', event_name: 'push' }),
      operator: await person({ sub: 'op', role: 'platform-operator' }),
    }
    for (const [name, token] of Object.entries(identities)) await writeFile(join(cwd, name), token)
  })
  afterAll(async () => {
    await broker?.close()
    await rm(cwd, { recursive: true, force: true })
  })

  test.each(steps.map((step) => [`${step.line}: ${step.argv.join(' ')}`, step] as const))(
    'line %s',
    async (_title, step) => {
      const { argv, env } = asked(step, known)
      const all = { CREDCTL_BROKER: broker.url, ...env }
      const outcome = await runCredctl(argv, { cwd, env: all })
      check(step, outcome)
      for (const [name, value] of namedIn(step.stdout, outcome.stdout)) known.set(name, value)
      for (const [name, value] of namedIn(step.stderr, outcome.stderr)) known.set(name, value)
    },
  )
})

function asked(step: Step, known: ReadonlyMap<string, string>) {
  const words = step.argv.map((word) =>
    word.replaceAll(/<([a-z-]+)>/g, (hole, name) => known.get(name) ?? hole),
  )
  if (words[0] !== 'as') return { argv: words, env: {} }
  return { argv: words.slice(2), env: { CREDCTL_IDENTITY_TOKEN_FILE: words[1] ?? '' } }
}

function check(step: Step, { status, stdout, stderr }: Awaited<ReturnType<typeof runCredctl>>) {
  expect(status, `stdout:\n${stdout}\nstderr:\n${stderr}`).toBe(step.status)
  if (difference(step.stdout, stdout) !== undefined) expect(stdout).toBe(step.stdout.join('\n'))
  if (difference(step.stderr, stderr) !== undefined) expect(stderr).toBe(step.stderr.join('\n'))
  for (const text of step.notStdout) expect(stdout).not.toContain(text)
  for (const text of step.notStderr) expect(stderr).not.toContain(text)
}
