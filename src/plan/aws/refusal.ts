import { nearest } from '../../document/nearest.ts'
import { type AwsStatement, NO_RESOURCE } from '../../scope/access-aws.ts'
import type { PlanProblem } from '../problem.ts'
import { type Action, actionNamed, SERVICE_NAMES, serviceNamed } from './actions.ts'
import { isRead, isRestricted, needsExactResource } from './classes.ts'
import type { Declared } from './declared.ts'
import { escalationsWith } from './escalations.ts'
import { describeForm } from './resource.ts'

type Found =
  | { readonly ok: true; readonly action: Action }
  | { readonly ok: false; readonly problem: PlanProblem }

/** An action by its exact name; anything else gets the nearest valid spelling. */
export function actionAt(id: string, path: PlanProblem['path']): Found {
  const action = actionNamed(id)
  if (action !== undefined) return { ok: true, action }
  const [name = ''] = id.split(':')
  const service = serviceNamed(name.toLowerCase())
  if (service === undefined) {
    const message = `service ${name} has no classified actions, so nothing of it can be granted${dangerOf(id)}`
    return { ok: false, problem: problem({ path, message, expected: nearestService(name) }) }
  }
  const ids = [...service.actions.values()].map((each) => each.id)
  const close = ids.find((each) => each.toLowerCase() === id.toLowerCase()) ?? nearest(id, ids)
  const message = `${id} is not a known action of ${service.name}${dangerOf(id)}`
  const expected = close ?? `one of its ${ids.length} classified actions`
  return { ok: false, problem: problem({ path, message, expected }) }
}

function dangerOf(id: string): string {
  const paths = escalationsWith(id)
  if (paths.length === 0) return ''
  return ` (it is part of privilege-escalation path ${paths.join(', ')})`
}

/** Refusals that depend on what the action can do. */
export function refusalOf(
  declared: Declared,
  statement: AwsStatement,
  index: number,
): PlanProblem | undefined {
  const { action, resource, exact } = declared
  const at = Array.isArray(statement.do) ? ['do', statement.do.indexOf(action.id)] : ['do']
  const path = [index, ...at]
  if (needsExactResource(declared.class) && !exact && resource !== NO_RESOURCE) {
    const message = `${action.id} (${declared.class}) is put on a wildcard, ${resource}`
    return problem({ path, message, expected: 'the full name of one resource' })
  }
  if (isRestrictedHere(declared) && statement.reason === undefined) {
    const what = resource === NO_RESOURCE ? `${declared.class} without a resource` : declared.class
    const message = `${action.id} (${what}) is above the presets and has no reason`
    return problem({ path, message, expected: 'reason: why this task needs it' })
  }
  return undefined
}

/** Only `ci` and `human` may take it: a class above the presets, or a write of no named resource. */
export function isRestrictedHere({ class: actionClass, resource }: Declared): boolean {
  return isRestricted(actionClass) || (resource === NO_RESOURCE && !isRead(actionClass))
}

/** The service that was probably meant, or all of them. */
export function nearestService(text: string): string {
  const wanted = text.startsWith('arn:') ? (text.split(':')[2] ?? '') : text
  return nearest(wanted, SERVICE_NAMES) ?? `one of ${SERVICE_NAMES.join(', ')}`
}

export function cannotBePut(action: Action, path: PlanProblem['path']): PlanProblem {
  const message = `${action.id} cannot be put on any of these resources`
  return problem({ path, message, expected: formsFor(action) })
}

/** The ARN forms that an action can be put on. */
export function formsFor(action: Action): string {
  const service = serviceNamed(action.service)
  const forms = action.types.flatMap((type) => service?.types.get(type) ?? [])
  const shown = [...new Set(forms.map(describeForm)), ...(action.unscoped ? ['"*"'] : [])]
  return shown.join(' or ')
}

/** A refusal of access. */
export function problem({ path, message, expected }: Omit<PlanProblem, 'code'>): PlanProblem {
  return {
    code: 'access_refused',
    path,
    message,
    ...(expected === undefined ? {} : { expected }),
  }
}
