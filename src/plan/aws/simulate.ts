import { nearest } from '../../document/nearest.ts'
import { actionNamed, serviceNamed } from './actions.ts'
import type { ActionClass } from './classes.ts'
import { evaluatePolicies, type Verdict } from './evaluation/evaluate.ts'
import { RequestContext } from './evaluation/request.ts'
import type { AwsPlan } from './plan.ts'
import type { Policy } from './policy.ts'

/** "May a session of this plan do that?" */
export interface Question {
  /** `service:Action`. */
  readonly action: string
  /** A full ARN, or `*` for an action without a resource. */
  readonly resource: string
  /** Condition keys of the request; what AWS sets for every call of the target is filled in. */
  readonly context?: Readonly<Record<string, string | readonly string[]>>
}

export interface Simulation extends Verdict {
  /** What the action can do, when it is classified. */
  readonly class?: ActionClass
  /** For an action that nobody classified: the nearest one that somebody did. */
  readonly nearest?: string
}

/** A role that may do anything: then the answer depends on the plan alone. */
const ROLE_ALLOWS_ALL: Policy = {
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Action: '*', Resource: '*' }],
}

/**
 * What AWS would answer to a session of the plan if the role itself allowed everything: the answer,
 * the statement that decided and why. A condition key that the question does not give and AWS does
 * not always set makes the answer `unknown`.
 */
export function simulateAws(plan: AwsPlan, question: Question): Simulation {
  const { action: id, resource, context } = question
  const session: Policy = JSON.parse(plan.sessionPolicy)
  const [, partition = 'aws'] = plan.role.split(':')
  const name = plan.role.split('/').at(-1) ?? ''
  const verdict = evaluatePolicies(
    {
      action: id,
      resource,
      principal: {
        account: plan.account,
        role: plan.role,
        session: `arn:${partition}:sts::${plan.account}:assumed-role/${name}/simulated`,
      },
      context: new RequestContext(
        { 'aws:RequestedRegion': plan.region, 's3:ResourceAccount': plan.account, ...context },
        { complete: false },
      ),
    },
    { identity: [ROLE_ALLOWS_ALL], session: [session], resource: [delegation(plan.account)] },
  )
  return { ...verdict, ...classificationOf(id) }
}

/** Keys and roles whose own policies leave the decision to the account, as they usually do. */
function delegation(account: string): Policy {
  return {
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Principal: { AWS: account }, Action: '*', Resource: '*' }],
  }
}

function classificationOf(id: string): { class?: ActionClass; nearest?: string } {
  const action = actionNamed(id)
  if (action !== undefined) return { class: action.class }
  const service = serviceNamed(id.split(':')[0]?.toLowerCase() ?? '')
  const ids = [...(service?.actions.values() ?? [])].map((each) => each.id)
  const close = nearest(id, ids)
  return close === undefined ? {} : { nearest: close }
}
