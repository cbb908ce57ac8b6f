import type { AwsTarget } from '../../environment/target-aws.ts'
import type { AwsStatement } from '../../scope/access-aws.ts'
import type { Compiled, PlanProblem } from '../problem.ts'
import { type Declared, declare } from './declared.ts'
import { escalationsOf } from './escalations.ts'
import { groupDeclared } from './group.ts'
import { EXPIRY_SIZE, MAX_POLICY_SIZE } from './policy.ts'
import { isRestrictedHere } from './refusal.ts'
import { failedPair } from './self-check.ts'
import { compilePolicy } from './session-policy.ts'

/** What a scope gives in an AWS account. */
export interface AwsPlan {
  readonly kind: 'aws'
  readonly account: string
  readonly region: string
  readonly role: string
  /** The session policy, minified, without the closing expiry that minting adds. */
  readonly sessionPolicy: string
  /** Length of the policy as sent, with the expiry statement: at most 2,048. */
  readonly policySize: number
  readonly resources: { readonly named: number; readonly wildcard: number }
  /** Distinct allowed actions by class. */
  readonly actionsBy: Readonly<Record<string, number>>
  /** Actions that only `ci` and `human` may take, as `service:Action`, sorted. */
  readonly restricted: readonly string[]
  /** Known privilege-escalation paths that the actions complete, by name, sorted. */
  readonly escalations: readonly string[]
}

/** Compiles what a scope declares at one AWS target, or lists everything that is wrong with it. */
export function planAws(
  access: readonly AwsStatement[],
  target: AwsTarget,
  _limits: { ttlSeconds: number },
): Compiled<AwsPlan> {
  const { declared, problems } = declare(access, target)
  if (problems.length > 0) return { ok: false, problems }
  const groups = groupDeclared(declared)
  const policy = compilePolicy(groups, declared, target)
  if (!policy.fits) return { ok: false, problems: [tooLong(access, target, policy.size)] }
  const failed = failedPair(policy.text, groups, declared, target)
  if (failed !== undefined) return { ok: false, problems: [selfCheckFailed(failed)] }
  return {
    ok: true,
    plan: {
      kind: 'aws',
      account: target.account,
      region: target.region,
      role: target.role,
      sessionPolicy: policy.text,
      policySize: policy.size,
      resources: countResources(declared),
      actionsBy: countClasses(declared),
      restricted: restrictedOf(declared),
      escalations: escalationsOf(new Set(declared.map(({ action }) => action.id))),
    },
  }
}

function selfCheckFailed(failed: string): PlanProblem {
  const message = `the compiled policy does not say what the scope says: ${failed}`
  return {
    code: 'access_refused',
    path: [],
    message,
    expected: 'a report of this scope as a fault',
  }
}

/** Shows what each statement costs on its own, so that an author sees where to split. */
function tooLong(access: readonly AwsStatement[], target: AwsTarget, size: number): PlanProblem {
  const costs = access.map((statement, index) => {
    const { declared } = declare([statement], target)
    const alone = compilePolicy(groupDeclared(declared), declared, target).size - EXPIRY_SIZE
    return `statement ${index + 1}: ${alone}`
  })
  return {
    code: 'access_refused',
    path: [],
    message: `the session policy would have ${size} characters (${costs.join(', ')} on its own, expiry: ${EXPIRY_SIZE})`,
    expected: `at most ${MAX_POLICY_SIZE}: name fewer actions instead of a preset, or split the scope`,
  }
}

function countResources(declared: readonly Declared[]): AwsPlan['resources'] {
  const byResource = new Map(declared.map((each) => [each.resource, each.wildcard]))
  const wildcard = [...byResource.values()].filter(Boolean).length
  return { named: byResource.size - wildcard, wildcard }
}

function countClasses(declared: readonly Declared[]): Record<string, number> {
  const actions = new Map(declared.map((each) => [each.action.id, each.class]))
  const byClass = Map.groupBy(actions.values(), (each) => each)
  const counts = [...byClass].map(([name, all]): [string, number] => [name, all.length])
  return Object.fromEntries(counts.sort(([a], [b]) => (a < b ? -1 : 1)))
}

function restrictedOf(declared: readonly Declared[]): string[] {
  const restricted = declared.filter(isRestrictedHere)
  return [...new Set(restricted.map(({ action }) => action.id))].sort()
}
