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
