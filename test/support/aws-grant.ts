import assert from 'node:assert/strict'
import { digestBytes } from '../../src/canonical.ts'
import { type Decision, decide, type Grant } from '../../src/decision/decide.ts'
import type { Environment, EnvironmentClass } from '../../src/environment/environment.ts'
import { ALWAYS } from '../../src/environment/schedule.ts'
import type { AwsTarget } from '../../src/environment/target-aws.ts'
import type { CallerClass } from '../../src/identity/caller.ts'
import { planScope } from '../../src/plan/plan.ts'
import type { AwsStatement } from '../../src/scope/access-aws.ts'
import { scopeSchema } from '../../src/scope/scope.ts'

export const AWS_TARGET: AwsTarget = {
  account: '111122223333',
  region: 'eu-central-1',
  role: 'arn:aws:iam::111122223333:role/credctl/task',
}

export const READ_EXPORTS: AwsStatement[] = [
  { do: ['s3:GetObject'], on: ['arn:aws:s3:::acme-exports/orders/*'] },
]

export interface GrantOptions {
  readonly id?: string
  readonly access?: readonly AwsStatement[]
  readonly target?: AwsTarget
  readonly issuedAt?: Date
  readonly ttl?: string
  readonly environmentClass?: EnvironmentClass
  readonly caller?: CallerClass
}

/** A grant on one AWS target called `exports`, made by the real decision. */
export function awsGrant(options: GrantOptions = {}): Grant {
  const decision = decideAws(options)
  assert(decision.outcome === 'allow', JSON.stringify(decision))
  return decision.grant
}

/** The decision about a caller who asks for this access. */
export function decideAws(options: GrantOptions = {}): Decision {
  const { access = READ_EXPORTS, target = AWS_TARGET, caller: callerClass = 'agent' } = options
  const { id = '01JD0000000000000000000000', issuedAt = new Date('2026-11-20T12:00:00Z') } = options
  const scope = scopeSchema.parse({
    name: 'copy-exports',
    owner: 'team-orders',
    description: 'Copies exports of orders.',
    allow: [{ caller: callerClass, issuer: 'agents', claims: { team: 'orders' } }],
    environments: ['staging'],
    ttl: options.ttl ?? '15m',
    access: { exports: { aws: access } },
  })
  const environment: Environment = {
    schedule: ALWAYS,
    name: 'staging',
    class: options.environmentClass ?? 'nonprod',
    targets: { exports: { kind: 'aws', ...target } },
  }
  const planned = planScope(scope, environment, {})
  assert(planned.ok, JSON.stringify(planned))
  return decide({
    grantId: id,
    caller: {
      class: callerClass,
      issuer: 'agents',
      subject: 'agent-7',
      claims: { team: 'orders' },
      roles: [],
      token: digestBytes(Buffer.from('token')),
    },
    scope,
    scopeDigest: digestBytes(Buffer.from('scope')),
    environment,
    plan: planned.plan,
    intent: 'copy the exports',
    usage: { liveGrants: 0, grantsLastDay: 0 },
    issuedAt,
    now: issuedAt,
  })
}
