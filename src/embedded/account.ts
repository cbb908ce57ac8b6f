import { chown, readFile, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { CredctlError } from '../errors.ts'

/** The system account that the server runs under. */
export interface Account {
  readonly uid: number
  readonly gid: number
}

/**
 * PostgreSQL refuses to run as root. Started by root it runs as the system's own `postgres`
 * account, or as `nobody`; otherwise as whoever we are (`undefined`). No account is ever created.
 */
export async function serverAccount(): Promise<Account | undefined> {
  if (process.getuid?.() !== 0) return undefined
  const accounts = parseAccounts(await readFile('/etc/passwd', 'utf8'))
  const account = accounts.get('postgres') ?? accounts.get('nobody')
  if (account !== undefined) return account
  throw new CredctlError('unavailable', 'PostgreSQL does not run as root', {
    hint: 'start as another user, or have an account named postgres or nobody',
  })
}

/** passwd(5): `name:password:uid:gid:…`. Accounts with root's uid are no way out. */
export function parseAccounts(passwd: string): ReadonlyMap<string, Account> {
  const accounts = new Map<string, Account>()
  for (const line of passwd.split('\n')) {
    const [name = '', , uid = '', gid = ''] = line.split(':')
    if (!/^[1-9]\d{0,9}$/.test(uid) || !/^\d{1,10}$/.test(gid)) continue
    accounts.set(name, { uid: Number(uid), gid: Number(gid) })
  }
  return accounts
}

/** True when the account may enter every directory above `path`. Mode bits only, no ACLs. */
export async function canReach(path: string, account: Account): Promise<boolean> {
  const parent = dirname(path)
  if (parent === path) return true
  const stats = await stat(parent)
  return allows(stats, account, 0o1) && (await canReach(parent, account))
}

/** `bit` as in the last octal digit of a mode: 4 read, 2 write, 1 execute. */
export function allows(
  stats: { readonly mode: number; readonly uid: number; readonly gid: number },
  account: Account,
  bit: number,
): boolean {
  if (stats.uid === account.uid) return (stats.mode & (bit << 6)) !== 0
  if (stats.gid === account.gid) return (stats.mode & (bit << 3)) !== 0
  return (stats.mode & bit) !== 0
}

export async function giveTo(path: string, account: Account | undefined): Promise<void> {
  if (account !== undefined) await chown(path, account.uid, account.gid)
}
