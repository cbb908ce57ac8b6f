import { spawn } from 'node:child_process'
import { chmod, cp, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { loadCatalog } from '../../src/scope/catalog.ts'
import { startJob } from '../action/runner.ts'
import { type TestBroker, testBroker } from '../support/broker.ts'
import { testPostgres } from '../support/postgres.ts'

interface Workflow {
  readonly permissions: object
  readonly jobs: Record<string, { readonly permissions: object; readonly steps: readonly Step[] }>
}
interface Step {
  readonly name?: string
  readonly uses?: string
  readonly run?: string
  readonly with?: Record<string, string>
  readonly env?: Record<string, string>
}

const ROOT = join(import.meta.dirname, '../..')
const CI = join(ROOT, 'examples/ci')
const read = async (file: string) => parse(await readFile(file, 'utf8'))
const workflows = (await readdir(join(CI, 'github'))).map((name) => join(CI, 'github', name))
const isOurs = ({ uses = '' }: Step) => uses.includes('/credctl@')

describe.each(workflows)('%s', async (file) => {
  const { permissions, jobs }: Workflow = await read(file)
  const steps = Object.values(jobs).flatMap((job) => job.steps)

  test('gives its jobs no more than they need', () => {
    expect(permissions).toEqual({})
    for (const job of Object.values(jobs)) {
      const identity = job.steps.some(isOurs) ? { 'id-token': 'write' } : {}
      expect(job.permissions).toEqual({ contents: 'read', ...identity })
    }
  })

  test('pins every action to a commit', () => {
    const used = steps.flatMap(({ uses }) => uses ?? [])
    expect(used.filter((uses) => !/@[0-9a-f]{40}$/.test(uses))).toEqual([])
  })

  test('puts no text of others into a command', () => {
    expect(steps.flatMap(({ run }) => run ?? []).filter((run) => run.includes('${{'))).toEqual([])
  })

  test('gives our action inputs that it has, and a scope that is there', async () => {
    const { inputs } = await read(join(ROOT, 'action.yml'))
    const loaded = await loadCatalog(join(ROOT, 'task-scopes'))
    for (const { with: given = {} } of steps.filter(isOurs)) {
      expect(Object.keys(inputs)).toEqual(expect.arrayContaining(Object.keys(given)))
      const required = Object.keys(inputs).filter((name) => inputs[name].required)
      expect(Object.keys(given)).toEqual(expect.arrayContaining(required))
      const scope = loaded.ok ? loaded.catalog.scopes.get(given['scope'] ?? '') : undefined
      expect(scope?.scope.environments).toContain(given['environment'])
      expect(Object.keys(scope?.scope.access ?? {})).toContain(given['targets'])
    }
  })

  const linter = process.env['CREDCTL_ACTIONLINT']
  test.skipIf(linter === undefined)(
    'is what actionlint accepts (CREDCTL_ACTIONLINT names it)',
    async () => {
      const { status, output } = await run(linter ?? '', [file], {}, ROOT)
      expect(status, output).toBe(0)
    },
  )
})

describe('against a broker', () => {
  const postgres = testPostgres()
  let broker: TestBroker
  let directory = ''
  const path = () => `${join(directory, 'bin')}:${process.env['PATH'] ?? ''}`

  beforeAll(async () => {
    broker = await testBroker(postgres)
    directory = await mkdtemp(join(tmpdir(), 'credctl-ci-'))
    await cp(CI, directory, { recursive: true })
    await cp(join(import.meta.dirname, 'bin'), join(directory, 'bin'), { recursive: true })
    await cp(join(directory, 'bin/build.sh'), join(directory, 'build.sh'))
    await chmod(join(directory, 'build.sh'), 0o755)
    for (const name of await readdir(join(directory, 'bin'))) {
      await chmod(join(directory, 'bin', name), 0o755)
    }
  })
  afterAll(async () => {
    await broker?.close()
    await rm(directory, { recursive: true, force: true })
  })

  const CLAIMS = { repository_owner_id: '9919', event_name: 'push' }
  const MIGRATION = {
    ...CLAIMS,
    sub: 'migration',
    repository_id: '81234567',
    environment: 'staging',
  }
  const DEPLOYMENT = {
    ...CLAIMS,
    sub: 'deployment',
    repository_id: '81234568',
    environment: 'production',
    ref: 'refs/heads/main',
  }

  async function wrongTotals(): Promise<number> {
    const { rows } = await postgres.pool(broker.shop.staging).query(
      `SELECT count(*)::int AS wrong FROM orders o JOIN currency_rates r USING (currency)
       WHERE total <> round(amount / rate, 2)`,
    )
    return rows[0].wrong
  }

  /** Runs a workflow's steps as a runner would; `context` is what stands in its expressions. */
  async function runWorkflow(name: string, claims: object, context: Record<string, string>) {
    const { jobs }: Workflow = await read(join(CI, 'github', name))
    const [job] = Object.values(jobs)
    const runner = await startJob((aud) => broker.issuers.ci({ ...claims, aud }))
    let env: Record<string, string> = {
      PATH: path(),
      HOME: directory,
      TEST_ROOT: ROOT,
    }
    const known = new Map(Object.entries({ 'vars.CREDCTL_BROKER': broker.url, ...context }))
    const fill = (given: Record<string, string> = {}) =>
      Object.fromEntries(
        Object.entries(given).map(([key, text]) => [
          key,
          text.replaceAll(/\$\{\{ (\S+) \}\}/g, (_all, at) => known.get(at) ?? `no ${at}`),
        ]),
      )
    const printed: string[] = []
    for (const step of job?.steps ?? []) {
      if (isOurs(step)) {
        const main = await runner.main(fill(step.with))
        expect(main.status, main.log).toBe(0)
        env = { ...env, ...Object.fromEntries(main.env) }
        for (const [key, value] of main.outputs) known.set(`steps.credctl.outputs.${key}`, value)
      } else if (step.run !== undefined) {
        const bash = ['--noprofile', '--norc', '-eo', 'pipefail', '-c', step.run]
        const { status, output } = await run('bash', bash, { ...env, ...fill(step.env) }, directory)
        expect(status, `${step.name}: ${output}`).toBe(0)
        printed.push(output)
      }
    }
    const post = await runner.post()
    expect(post.status, post.log).toBe(0)
    await runner.close()
    return printed.join('')
  }

  test('the workflow that migrates does, with a password that one step gets', async () => {
    expect(await wrongTotals()).toBeGreaterThan(0)
    const printed = await runWorkflow('data-migration.yml', MIGRATION, {
      'inputs.ticket': 'ORD-481',
    })
    expect(printed).toMatch(/^UPDATE [1-9]\d*\n$/)
    expect(await wrongTotals()).toBe(0)
  })

  test('the workflow that deploys runs each command with credentials of its scope', async () => {
    const printed = await runWorkflow('deploy.yml', DEPLOYMENT, { 'github.sha': 'abc' })
    expect(printed.split('\n').filter((line) => line !== '')).toEqual([
      'build without credentials',
      expect.stringMatching(/^aws s3 cp .* as ASIA\w+ in eu-central-1$/),
      expect.stringMatching(/^aws cloudfront create-invalidation .* as ASIA\w+ in eu-central-1$/),
      expect.stringMatching(/^aws ecs update-service .* as ASIA\w+ in eu-central-1$/),
    ])
  })

  test('the template for GitLab takes the token out of the environment and leaves nothing', async () => {
    const template = await read(join(CI, 'gitlab/credctl.gitlab-ci.yml'))
    const { migrate } = await read(join(CI, 'gitlab/.gitlab-ci.yml'))
    expect(template['.credctl'].id_tokens.CREDCTL_ID_TOKEN).toEqual({ aud: '$CREDCTL_BROKER' })
    const scratch = await mkdtemp(join(directory, 'tmp-'))
    const env = {
      PATH: path(),
      HOME: directory,
      TMPDIR: scratch,
      CREDCTL_BROKER: broker.url,
      CREDCTL_ID_TOKEN: await broker.issuers.ci(MIGRATION),
      CI_JOB_NAME: 'migrate',
      CI_PROJECT_PATH: 'acme/shop',
      CI_PIPELINE_ID: '7',
      TICKET: 'ORD-481',
      TEST_ROOT: ROOT,
      ...template['.credctl'].variables,
      ...migrate.variables,
    }
    const script = [
      ...template['.credctl'].before_script,
      ...migrate.script,
      'env | grep -c ID_TOKEN= || true',
    ].join('\n')
    const { status, output } = await run('bash', ['-eo', 'pipefail', '-c', script], env, directory)
    expect(status, output).toBe(0)
    expect(output).toMatch(/UPDATE \d+\n/)
    expect(output).toMatch(/\n0\n$/)
    expect(await readdir(scratch)).toEqual([])
  })
})

async function run(command: string, argv: readonly string[], env: NodeJS.ProcessEnv, cwd: string) {
  const child = spawn(command, argv, { env, cwd, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (chunk) => {
      output += chunk
    })
  }
  const status = await new Promise((resolve) => child.once('close', resolve))
  return { status, output }
}
