import { isVaultMount, VAULT_SEGMENT } from '../environment/vault-name.ts'
import { CredctlError } from '../errors.ts'

declare const checked: unique symbol
/** A path below `/v1/` that stands in the list of this file; no other text is ever requested. */
export type VaultPath = string & { readonly [checked]: true }

/**
 * Every path that credctl requests. Vault's own paths are fixed; what varies is checked segment by
 * segment, because `database/creds/../config/x` is another path to Vault than it looks.
 */
export const PATHS = {
  login: (mount: string) => path('auth', ...mounted(mount), 'login'),
  lookupSelf: () => path('auth', 'token', 'lookup-self'),
  renewSelf: () => path('auth', 'token', 'renew-self'),
  revokeSelf: () => path('auth', 'token', 'revoke-self'),
  createToken: (role: string) => path('auth', 'token', 'create', segment(role)),
  lookupAccessor: () => path('auth', 'token', 'lookup-accessor'),
  revokeAccessor: () => path('auth', 'token', 'revoke-accessor'),
  health: () => path('sys', 'health'),
  lookupLease: () => path('sys', 'leases', 'lookup'),
  renewLease: () => path('sys', 'leases', 'renew'),
  irrevocableLeases: () => path('sys', 'leases', 'count?type=irrevocable'),
  revokeLease: () => path('sys', 'leases', 'revoke'),
  wrap: () => path('sys', 'wrapping', 'wrap'),
  databaseConfig: (mount: string, name: string) => engine(mount, 'config', name),
  roles: (mount: string) => path(...mounted(mount), 'roles?list=true'),
  role: (mount: string, name: string) => engine(mount, 'roles', name),
  databaseCredential: (mount: string, name: string) => engine(mount, 'creds', name),
  awsSession: (mount: string, name: string) => engine(mount, 'sts', name),
  secret: (text: string) => secretPath(text),
} as const

function engine(mount: string, kind: string, name: string): VaultPath {
  return path(...mounted(mount), kind, segment(name))
}

function path(...segments: string[]): VaultPath {
  return segments.join('/') as VaultPath
}

function segment(text: string): string {
  if (VAULT_SEGMENT.test(text)) return text
  throw new CredctlError('target_refused', 'a name for Vault holds a character it must not hold')
}

function mounted(text: string): string[] {
  if (isVaultMount(text)) return text.split('/')
  throw new CredctlError('target_refused', 'a mount of Vault holds a character it must not hold')
}

/** People name secrets, so capitals and dots are accepted here; `.` and `..` are not names. */
const SECRET_SEGMENT = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/
/** Vault's own trees: nothing in them is a stored secret. */
const NOT_STORED = new Set(['sys', 'auth', 'identity', 'cubbyhole'])

/** `mount/data/path` of a KV engine, version 2; the mount is one name. */
export function isSecretPath(text: string): boolean {
  const [mount = '', data, ...rest] = text.split('/')
  if (!VAULT_SEGMENT.test(mount) || NOT_STORED.has(mount) || data !== 'data') return false
  return rest.length >= 1 && rest.length <= 12 && rest.every((name) => SECRET_SEGMENT.test(name))
}

function secretPath(text: string): VaultPath {
  if (isSecretPath(text)) return path(...text.split('/'))
  throw new CredctlError('secret_unresolvable', 'not the path of a secret: mount/data/path')
}
