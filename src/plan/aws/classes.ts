import type { Preset } from '../../scope/access-aws.ts'

/**
 * What an AWS action can do to whoever owns the resource, from harmless to dangerous. AWS's own
 * access levels do not tell: they call `iam:PassRole` and `rds:ModifyDBInstance` plain "Write".
 */
export const ACTION_CLASSES = [
  'meta_read', // configuration and lists
  'data_read', // stored content
  'data_write', // records, messages, objects
  'data_delete', // one record at a time
  'exec', // runs something under its own role, or spends
  'admin', // definitions and configuration
  'disruptive', // stops, reboots, detaches, disables
  'secret_read', // secrets, decryption, credentials, what often holds secrets
  'sql_opaque', // any SQL: the database decides
  'destructive', // loses infrastructure, or data in bulk
  'protection_off', // turns a safety net off
  'exfil', // copies, shares or exposes outside
  'permissions', // resource policies and access lists
  'privesc', // leads to more privileges
  'tagging', // decides access where policies look at tags
] as const
export type ActionClass = (typeof ACTION_CLASSES)[number]

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
