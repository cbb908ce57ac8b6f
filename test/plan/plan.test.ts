import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseSource } from '../../src/document/document.ts'
import { environmentSchema, toEnvironment } from '../../src/environment/environment.ts'
import { planScope } from '../../src/plan/plan.ts'
import { scopeSchema } from '../../src/scope/scope.ts'

const admin = { user: 'broker', password: 'env:PASSWORD' }
const database = { postgres: { host: 'db.example.com', database: 'orders', admin } }
const account = {
  aws: {
    account: '111122223333',
    region: 'eu-central-1',
    role: 'arn:aws:iam::111122223333:role/t',
  },
}
const environment = toEnvironment(
  'dev',
  environmentSchema.parse({
    class: 'nonprod',
    targets: { db: database, other: database, exports: account, web: account },
  }),
)

const identifier = fc.oneof(
  { weight: 20, arbitrary: fc.stringMatching(/^[a-z_][a-z0-9_$]{0,8}$/) },
  {
    weight: 2,
    arbitrary: fc
      .string({ minLength: 1, maxLength: 8 })
      .map((text) => `"${text.replaceAll('"', '""')}"`),
  },
  {
    weight: 2,
    arbitrary: fc.constantFrom('"Orders"', '"a.b"', '"a""b"', '"select"', 'constructor'),
  },
  { weight: 1, arbitrary: fc.constantFrom('pg_temp', '""', '"\0"') },
)
const relation = fc.tuple(identifier, identifier).map(([schema, name]) => `${schema}.${name}`)
const verbs = fc.subarray(['insert', 'update', 'delete']).map((more) => ['select', ...more])
const postgres = fc.record({
  tables: fc.dictionary(relation, verbs, { minKeys: 1, maxKeys: 3 }),
  views: fc.dictionary(relation, verbs, { maxKeys: 1 }),
  sequences: fc.array(relation, { maxLength: 2 }),
})
const arn = fc.oneof(
  fc.constantFrom(
    '*',
    'arn:aws:s3:::bucket/key',
    'arn:aws:s3:::bucket/*',
    'arn:aws:s3:::*',
    'arn:aws:dynamodb:*:*:table/orders',
    'arn:aws:dynamodb:us-east-1:999999999999:table/orders',
    'arn:aws:sts::111122223333:assumed-role/x/y',
    'arn:aws:iam::111122223333:role/x',
    `arn:aws:s3:::b/\${ticket}`,
    `arn:aws:s3:::b/\${environment}/*`,
    'arn:aws::::',
    'arn:aws:nothing:::x',
  ),
  fc.stringMatching(/^arn:aws:[a-z0-9-]{1,8}:[\x21-\x7e]{0,20}$/),
)
const action = fc.oneof(
  fc.constantFrom(
    's3:GetObject',
    's3:putobject',
    'dynamodb:Query',
    'iam:PassRole',
    'sts:AssumeRole',
    'sts:GetCallerIdentity',
    'constructor:x',
    's3:constructor',
    'x:y',
  ),
  fc.stringMatching(/^[A-Za-z0-9-]{1,6}:[A-Za-z0-9]{1,8}$/),
)
const statement = fc.record({
  do: fc.oneof(
    fc.constantFrom('read', 'dml', 'operate'),
    fc.array(action, { minLength: 1, maxLength: 4 }),
  ),
  on: fc.array(arn, { minLength: 1, maxLength: 3 }),
  reason: fc.constant('A reason that is a sentence.'),
})
const databaseAccess = postgres.map((value) => ({ postgres: value }))
const accountAccess = fc
  .array(statement, { minLength: 1, maxLength: 2 })
  .map((value) => ({ aws: value }))
const targets = fc.record(
  {
    db: databaseAccess,
    exports: accountAccess,
    other: databaseAccess,
  },
  { requiredKeys: ['db'] },
)
/** A name that every object has and no environment. */
const strange = fc.oneof(
  { weight: 9, arbitrary: fc.constant({}) },
  { weight: 1, arbitrary: accountAccess.map((other) => ({ other })) },
  { weight: 1, arbitrary: databaseAccess.map((absent) => ({ absent })) },
  {
    weight: 1,
    arbitrary: databaseAccess.map((value) => Object.fromEntries([['constructor', value]])),
  },
)

const scopes = fc.tuple(targets, strange).map(([declared, more]) => ({
  name: 'probe',
  owner: 'orders',
  description: 'A scope made up by chance.',
  allow: [{ caller: 'ci', issuer: 'github', claims: { id: '1' } }],
  environments: ['dev'],
  ttl: '15m',
  parameters: { ticket: { pattern: '[A-Z]+', description: 'Ticket' } },
  access: { ...declared, ...more },
}))

describe('any scope that parses', () => {
  test('has a plan or problems that lead to a place in its file, and planning never throws', () => {
    const seen = { parsed: 0, planned: 0 }
    fc.assert(
      fc.property(scopes, (raw) => {
        const parsed = parseSource('probe.yaml', JSON.stringify(raw), scopeSchema)
        if (!parsed.ok) return
        seen.parsed += 1
        const planned = planScope(parsed.value, environment, { ticket: 'AB' })
        if (planned.ok) {
          seen.planned += 1
          expect(planned.plan.digest).toMatch(/^sha256:[0-9a-f]{64}$/)
          const again = planScope(parsed.value, environment, { ticket: 'AB' })
          expect(again).toEqual(planned)
          return
        }
        expect(planned.problems.length).toBeGreaterThan(0)
        for (const problem of planned.problems) {
          expect(parsed.document.locate(problem).line).toBeGreaterThan(0)
        }
      }),
      { numRuns: 400 },
    )
    expect(seen.parsed).toBeGreaterThan(50)
    expect(seen.planned).toBeGreaterThan(20)
  })
})

describe('the digest of a plan', () => {
  const plan = (changes: object, values: Record<string, string> = {}) => {
    const raw = {
      name: 'probe',
      owner: 'orders',
      description: 'A scope to compare with others.',
      allow: [{ caller: 'ci', issuer: 'github', claims: { id: '1' } }],
      environments: ['dev'],
      ttl: '15m',
      access: {
        db: { postgres: { tables: { 'public.a': ['select'], 'public.b': ['select', 'insert'] } } },
      },
      ...changes,
    }
    const planned = planScope(scopeSchema.parse(raw), environment, values)
    if (!planned.ok) throw new Error(JSON.stringify(planned.problems))
    return planned.plan
  }
  const first = plan({}).digest

  test.each([
    [
      'the order of tables',
      {
        access: {
          db: {
            postgres: { tables: { 'public.b': ['select', 'insert'], 'public.a': ['select'] } },
          },
        },
      },
    ],
    [
      'the order of verbs',
      {
        access: {
          db: {
            postgres: { tables: { 'public.a': ['select'], 'public.b': ['insert', 'select'] } },
          },
        },
      },
    ],
    [
      'quotes that change nothing',
      {
        access: {
          db: {
            postgres: { tables: { '"public"."a"': ['select'], 'public.b': ['select', 'insert'] } },
          },
        },
      },
    ],
    ['the description', { description: 'Other words for the same scope.' }],
    ['who may take it', { allow: [{ caller: 'human', issuer: 'people', claims: { id: '2' } }] }],
  ])('is the same after a change of %s', (_what, changes) => {
    expect(plan(changes).digest).toBe(first)
  })

  test.each([
    [
      'a verb more',
      {
        access: {
          db: {
            postgres: {
              tables: { 'public.a': ['select', 'insert'], 'public.b': ['select', 'insert'] },
            },
          },
        },
      },
    ],
    [
      'a table more',
      {
        access: {
          db: {
            postgres: {
              tables: {
                'public.a': ['select'],
                'public.b': ['select', 'insert'],
                'public.c': ['select'],
              },
            },
          },
        },
      },
    ],
    [
      'a table in upper case',
      {
        access: {
          db: {
            postgres: { tables: { 'public."A"': ['select'], 'public.b': ['select', 'insert'] } },
          },
        },
      },
    ],
    [
      'another target',
      {
        access: {
          other: {
            postgres: { tables: { 'public.a': ['select'], 'public.b': ['select', 'insert'] } },
          },
        },
      },
    ],
    ['a longer life', { ttl: '16m' }],
    ['another name of the scope', { name: 'other' }],
    [
      'a limit of sessions',
      {
        access: {
          db: {
            postgres: {
              tables: { 'public.a': ['select'], 'public.b': ['select', 'insert'] },
              limits: { connections: 1 },
            },
          },
        },
      },
    ],
  ])('is another after %s', (_what, changes) => {
    expect(plan(changes).digest).not.toBe(first)
  })
})

test('the blast radius counts what the plan gives', () => {
  const scope = scopeSchema.parse({
    name: 'probe',
    owner: 'orders',
    description: 'A scope with two databases and an account.',
    allow: [{ caller: 'ci', issuer: 'github', claims: { id: '1' } }],
    environments: ['dev'],
    ttl: '90s',
    access: {
      db: { postgres: { tables: { 'public.a': ['select', 'update'], 'public.b': ['select'] } } },
      other: { postgres: { tables: { 'public.a': ['select', 'insert', 'delete'] } } },
      exports: { aws: [{ do: ['s3:GetObject'], on: ['arn:aws:s3:::b/x', 'arn:aws:s3:::b/y/*'] }] },
      web: { aws: [{ do: ['s3:PutObject'], on: ['arn:aws:s3:::c/x'] }] },
    },
  })
  const planned = planScope(scope, environment, {})
  expect(planned.ok && planned.plan.blastRadius).toMatchObject({
    environment: 'dev',
    environmentClass: 'nonprod',
    ttlSeconds: 90,
    accounts: ['111122223333'],
    databases: 2,
    tables: 3,
    tablesBy: { select: 3, insert: 1, update: 1, delete: 1 },
    resources: { named: 2, wildcard: 1 },
    actionsBy: { data_read: 1, data_write: 1 },
  })
})
