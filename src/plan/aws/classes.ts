import type { Preset } from '../../scope/access-aws.ts'
import type { ActionClass } from '../../scope/action-class.ts'

export { ACTION_CLASSES, type ActionClass } from '../../scope/action-class.ts'

const READ = ['meta_read', 'data_read'] as const
const DML = [...READ, 'data_write'] as const
const OPERATE = [...DML, 'exec', 'admin'] as const

/** What each preset expands to. `data_delete` is in none: it is named action by action. */
export const PRESET_CLASSES: Readonly<Record<Preset, readonly ActionClass[]>> = {
  read: READ,
  dml: DML,
  operate: OPERATE,
}

const WITHOUT_REASON: readonly ActionClass[] = [...OPERATE, 'data_delete']

/** Above every preset: named one by one with a reason, and only ever for `ci` and `human`. */
export function isRestricted(actionClass: ActionClass): boolean {
  return !WITHOUT_REASON.includes(actionClass)
}

/** Reads are the only actions that may stand without a resource. */
export function isRead(actionClass: ActionClass): boolean {
  return actionClass === 'meta_read' || actionClass === 'data_read'
}

const EXACT: readonly ActionClass[] = [
  'exec',
  'destructive',
  'protection_off',
  'permissions',
  'privesc',
]

/** What runs code or cannot be taken back is put on a resource by its full name. */
export function needsExactResource(actionClass: ActionClass): boolean {
  return EXACT.includes(actionClass)
}
