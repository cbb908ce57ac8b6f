import type { Autonomy, Environment } from '../environment/environment.ts'
import { EVERY_APPROVER } from '../identity/approver-group.ts'
import type { CallerClass } from '../identity/caller.ts'
import { ACTION_CLASSES, type ActionClass } from '../scope/action-class.ts'
import type { Threshold } from '../scope/threshold.ts'

/** Who decides the steps of its task itself: the levels are about these classes alone. */
const AUTONOMOUS: CallerClass[] = ['agent', 'local']

const HARMLESS: readonly ActionClass[] = ['meta_read', 'data_read', 'data_write', 'exec', 'admin']
const READ: readonly ActionClass[] = ['meta_read', 'data_read']

const others = (than: readonly ActionClass[]) =>
  ACTION_CLASSES.filter((each) => !than.includes(each))
const approved: Pick<Threshold, 'needs'> = { needs: [{ group: EVERY_APPROVER, count: 1 }] }

/**
 * What each level asks a person about. `data_delete` and everything above it destroys or cannot be
 * taken back, so `supervised`, the level of an environment that names none, starts it as a plan.
 */
const LEVELS: Readonly<Record<Autonomy, readonly Threshold[]>> = {
  restricted: [
    rule('restricted-rows', { verbs: ['insert', 'update', 'delete'] }),
    rule('restricted-actions', { action_classes: others(READ) }),
  ],
  supervised: [
    rule('supervised-rows', { verbs: ['delete'] }),
    rule('supervised-actions', { action_classes: others(HARMLESS) }),
  ],
  full: [],
}

function rule(name: string, about: Threshold['when']): Threshold {
  return { name, when: { callers: AUTONOMOUS, ...about }, ...approved }
}

/** The rules of an environment's level. Production has no level without supervision. */
export function autonomyRules(environment: Environment): readonly Threshold[] {
  const { autonomy = 'supervised' } = environment
  return autonomy === 'full' && environment.class !== 'nonprod'
    ? LEVELS.supervised
    : LEVELS[autonomy]
}
