import type { AwsStatement } from '../../scope/access-aws.ts'
import type { PlanProblem } from '../problem.ts'
import type { Action } from './actions.ts'
import type { ActionClass } from './classes.ts'
import { oneOrMany, type PolicyStatement } from './policy.ts'

/**
 * A condition a scope puts on its statement. It is written as a deny, because a condition on an
 * allow binds nobody whom a resource policy allows.
 */
export interface Tightening {
  /** The key in the scope file. */
  readonly name: 'create_only' | 'leading_keys' | 'passed_to' | 'via'
  /** Actions whose requests carry the condition's key (AWS service authorization reference). */
  readonly actions: readonly string[]
  /** Conditions, any of which denies. */
  readonly denyWhen: readonly NonNullable<PolicyStatement['Condition']>[]
  /** Values of a request that passes. */
  readonly passing: Readonly<Record<string, string>>
}

const KEYED_ACTIONS = [
  'dynamodb:BatchGetItem',
  'dynamodb:BatchWriteItem',
  'dynamodb:ConditionCheckItem',
  'dynamodb:DeleteItem',
  'dynamodb:GetItem',
  'dynamodb:PutItem',
  'dynamodb:Query',
  'dynamodb:UpdateItem',
]

const KEY_USES = [
  'kms:Decrypt',
  'kms:DescribeKey',
  'kms:Encrypt',
  'kms:GenerateDataKey',
  'kms:GenerateDataKeyWithoutPlaintext',
  'kms:ReEncryptFrom',
  'kms:ReEncryptTo',
]

/** What the statement adds to its actions. */
export function tighteningsOf(statement: AwsStatement, region: string): Tightening[] {
  const { create_only: createOnly, leading_keys: keys, passed_to: service, via } = statement
  return [
    ...(createOnly === true ? [onlyCreate()] : []),
    ...(keys === undefined ? [] : [onlyKeys(keys)]),
    ...(service === undefined ? [] : [onlyTo(service)]),
    ...(via === undefined ? [] : [onlyVia(`${via}.${region}.amazonaws.com`)]),
  ]
}

/** Overwriting destroys. Parts of a multipart upload do not create the object yet. */
function onlyCreate(): Tightening {
  const unconditional = {
    Null: { 's3:if-none-match': 'true' },
    Bool: { 's3:ObjectCreationOperation': 'true' },
  }
  return {
    name: 'create_only',
    actions: ['s3:PutObject'],
    denyWhen: [unconditional],
    passing: { 's3:if-none-match': '*', 's3:ObjectCreationOperation': 'true' },
  }
}

/** Items under these partition keys only; a request without any key would read them all. */
function onlyKeys(keys: readonly string[]): Tightening {
  const key = 'dynamodb:LeadingKeys'
  return {
    name: 'leading_keys',
    actions: KEYED_ACTIONS,
    denyWhen: [
      { 'ForAnyValue:StringNotEquals': { [key]: oneOrMany(keys) } },
      { Null: { [key]: 'true' } },
    ],
    passing: { [key]: keys[0] ?? '' },
  }
}

/** A role that any service could be given is every service's to use. */
function onlyTo(service: string): Tightening {
  return {
    name: 'passed_to',
    actions: ['iam:PassRole'],
    denyWhen: [{ StringNotEquals: { 'iam:PassedToService': service } }],
    passing: { 'iam:PassedToService': service },
  }
}

/** The key serves another service on the session's behalf and never the session itself. */
function onlyVia(service: string): Tightening {
  return {
    name: 'via',
    actions: KEY_USES,
    denyWhen: [{ StringNotEquals: { 'kms:ViaService': service } }],
    passing: { 'kms:ViaService': service },
  }
}

/**
 * Decryption through a service gives only what the session may read there anyway, so it is not a
 * way to secrets of its own.
 */
export function classUnder(action: Action, tightenings: readonly Tightening[]): ActionClass {
  const through = tightenings.some(({ name }) => name === 'via')
  return through && KEY_USES.includes(action.id) && action.class === 'secret_read'
    ? 'data_read'
    : action.class
}

/** A condition on an action that never carries its key would deny it always, or never. */
export function tighteningProblems(statement: AwsStatement, index: number): PlanProblem[] {
  const missing = Array.isArray(statement.do) && statement.do.includes('iam:PassRole')
  if (missing && statement.passed_to === undefined) {
    const path = [index, 'do', statement.do.indexOf('iam:PassRole')]
    const message = 'iam:PassRole does not say which service the role may be passed to'
    const expected = 'passed_to: a service principal, such as ecs-tasks.amazonaws.com'
    return [{ code: 'access_refused', path, message, expected }]
  }
  return tighteningsOf(statement, '').flatMap(({ name, actions }): PlanProblem[] => {
    const ids = typeof statement.do === 'string' ? [`the preset ${statement.do}`] : statement.do
    const others = ids.filter((id) => !actions.includes(id))
    if (others.length === 0) return []
    const message = `${name} does not apply to ${others.join(', ')}`
    const expected = `a statement of its own with only ${actions.join(', ')}`
    return [{ code: 'access_refused', path: [index, name], message, expected }]
  })
}

/** The denies that hold a tightening for these actions on these resources. */
export function denials(
  { denyWhen }: Tightening,
  ids: readonly string[],
  resources: readonly string[],
): PolicyStatement[] {
  return denyWhen.map((Condition) => ({
    Effect: 'Deny',
    Action: oneOrMany(ids),
    Resource: oneOrMany(resources),
    Condition,
  }))
}
