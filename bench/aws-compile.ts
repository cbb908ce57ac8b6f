import { execFileSync } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Environment } from '../src/environment/environment.ts'
import { ALWAYS } from '../src/environment/schedule.ts'
import type { AwsTarget } from '../src/environment/target-aws.ts'
import { evaluatePolicies } from '../src/plan/aws/evaluation/evaluate.ts'
import { RequestContext } from '../src/plan/aws/evaluation/request.ts'
import { globMatches } from '../src/plan/aws/glob.ts'
import { planAws } from '../src/plan/aws/plan.ts'
import type { Policy } from '../src/plan/aws/policy.ts'
import { planScope } from '../src/plan/plan.ts'
import type { AwsStatement } from '../src/scope/access-aws.ts'
import { loadCatalog } from '../src/scope/catalog.ts'
import { against, type Row, rowOf } from './row.ts'

const TARGET: AwsTarget = {
  account: '111122223333',
  region: 'eu-central-1',
  role: 'arn:aws:iam::111122223333:role/credctl/task',
}

const NAMED: AwsStatement[] = [
  { do: ['s3:GetObject', 's3:PutObject'], on: ['arn:aws:s3:::acme-exports/orders/*'] },
  { do: ['dynamodb:GetItem', 'dynamodb:UpdateItem'], on: ['arn:aws:dynamodb:*:*:table/orders'] },
  { do: ['sqs:SendMessage'], on: ['arn:aws:sqs:*:*:orders'] },
]
const PRESET: AwsStatement[] = [
  ...NAMED.slice(0, 1),
  { do: 'read', on: ['arn:aws:dynamodb:*:*:table/currency-rates'] },
]
const SHORTENED: AwsStatement[] = [
  { do: 'dml', on: ['arn:aws:s3:::acme-exports', 'arn:aws:s3:::acme-exports/*'] },
]

/** Compiling with its self-check, the evaluator alone, and a whole catalogue. */
export async function bench(): Promise<readonly Row[]> {
  const limits = { ttlSeconds: 900 }
  const compiles = [
    ['compile and self-check, five actions on three resources', NAMED, 10_000],
    ['compile and self-check, with the read preset of a table', PRESET, 4_000],
    ['compile and self-check, shortened to fit', SHORTENED, 1_000],
  ] as const
  return [
    ...compiles.map(([operation, access, count]) =>
      many(operation, count, () => planAws(access, TARGET, limits)),
    ),
    ...evaluations(),
    await catalogue(1_000),
    load(),
  ]
}

function evaluations(): Row[] {
  const planned = planAws(PRESET, TARGET, { ttlSeconds: 900 })
  if (!planned.ok) throw new Error('the scope of this benchmark does not compile')
  const session: Policy = JSON.parse(planned.plan.sessionPolicy)
  const identity: Policy[] = [
    { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: '*', Resource: '*' }] },
  ]
  const context = new RequestContext({ 's3:ResourceAccount': TARGET.account }, { complete: true })
  const principal = { account: TARGET.account, role: TARGET.role, session: 'arn:aws:sts::s' }
  const asked = [
    ['s3:GetObject', 'arn:aws:s3:::acme-exports/orders/7'],
    ['s3:DeleteObject', 'arn:aws:s3:::acme-exports/orders/7'],
    ['dynamodb:Query', 'arn:aws:dynamodb:eu-central-1:111122223333:table/currency-rates'],
    ['iam:PassRole', 'arn:aws:iam::111122223333:role/x'],
  ] as const
  const patterns = session.Statement.flatMap(({ Action, NotAction, Resource, NotResource }) =>
    [Action, NotAction, Resource, NotResource].flatMap((each) => each ?? []),
  )
  const baseline = many('every pattern of the policy matched once, four requests', 20_000, () =>
    asked.map(([action, resource]) =>
      patterns.filter((each) => globMatches(each, each.startsWith('arn:') ? resource : action)),
    ),
  )
  const decided = many('evaluate the policy, four requests', 20_000, () =>
    asked.map(([action, resource]) =>
      evaluatePolicies({ action, resource, principal, context }, { identity, session: [session] }),
    ),
  )
  return [baseline, against(decided, baseline)]
}

/** A directory of scopes read, parsed and compiled, as at the start of a broker. */
async function catalogue(size: number): Promise<Row> {
  const source = 'examples/aws/task-scopes'
  const texts = await Promise.all(
    (await readdir(source)).map((file) => readFile(join(source, file), 'utf8')),
  )
  const directory = await mkdtemp(join(tmpdir(), 'credctl-bench-'))
  try {
    await Promise.all(
      Array.from({ length: size }, async (_, index) => {
        const text = texts[index % texts.length] ?? ''
        const name = `scope-${index}`
        await writeFile(
          join(directory, `${name}.yaml`),
          text.replace(/^name: .*$/m, `name: ${name}`),
        )
      }),
    )
    const runs: number[] = []
    const started = performance.now()
    for (let run = 0; run < 3; run += 1) {
      const from = performance.now()
      await loadAndCompile(directory)
      runs.push(performance.now() - from)
    }
    const operation = `catalogue of ${size} scopes loaded and compiled`
    return rowOf(operation, runs, performance.now() - started)
  } finally {
    await rm(directory, { recursive: true })
  }
}

async function loadAndCompile(directory: string): Promise<void> {
  const loaded = await loadCatalog(directory)
  if (!loaded.ok) throw new Error('the scopes of this benchmark do not load')
  for (const { scope } of loaded.catalog.scopes.values()) {
    const environment: Environment = {
      schedule: ALWAYS,
      name: scope.environments[0] ?? '',
      class: 'nonprod',
      targets: { workload: { kind: 'aws', ...TARGET } },
    }
    const parameters = Object.fromEntries(
      Object.keys(scope.parameters).map((name) => [
        name,
        name === 'ticket' ? 'ORD-1' : 'C12345678',
      ]),
    )
    if (!planScope(scope, environment, parameters).ok) throw new Error(`${scope.name} has no plan`)
  }
}

/** The classification, in processes of its own; Node's type stripping is started first. */
function load(): Row {
  const probe = `
    await import('./src/plan/aws/classes.ts')
    const start = performance.now()
    const { SERVICE_NAMES, serviceNamed } = await import('./src/plan/aws/actions.ts')
    for (const name of SERVICE_NAMES) serviceNamed(name)
    console.log(performance.now() - start)`
  const runs = Array.from({ length: 5 }, () =>
    Number(
      execFileSync(process.execPath, ['--input-type=module', '-e', probe], { encoding: 'utf8' }),
    ),
  )
  const total = runs.reduce((sum, each) => sum + each, 0)
  return rowOf('classification loaded, every service', runs, total)
}

/** Timed in slices of 10: one call is shorter than the clock can tell. */
function many(operation: string, count: number, run: () => unknown): Row {
  const slice = 10
  for (let index = 0; index < count / 10; index += 1) run()
  const durations: number[] = []
  const started = performance.now()
  for (let done = 0; done < count; done += slice) {
    const from = performance.now()
    for (let index = 0; index < slice; index += 1) run()
    durations.push((performance.now() - from) / slice)
  }
  const row = rowOf(operation, durations, performance.now() - started)
  return { ...row, count, rate: row.rate * slice }
}
