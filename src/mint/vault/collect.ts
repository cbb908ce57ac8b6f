import { isCredctlError } from '../../errors.ts'
import { Roles } from '../../vault/role.ts'
import type { Vault } from '../../vault/vault.ts'
import type { Collected } from '../upkeep.ts'

export interface Kept {
  /** Of plans that are in force: group roles, and Vault roles where there are none. */
  readonly keep: readonly string[]
  /** Vault roles of credentials that are out: renewing or ending a lease reads its role. */
  readonly used: readonly string[]
}

const OURS = /^cb-[0-9a-f]{32}$/

/**
 * Deletes Vault roles of credctl's making that nothing can lead to any more. A lease that was
 * overlooked still ends: Vault keeps a copy of the statements with it.
 */
export async function collectRoles(
  vault: Vault,
  place: { readonly mount: string; readonly connection: string },
  { keep, used }: Kept,
): Promise<Collected> {
  const roles = new Roles(vault, place.mount)
  const names = await roles.list()
  const dropped: string[] = []
  const left: { group: string; code: string }[] = []
  const kept = new Set([...keep, ...used])
  for (const name of names.filter((each) => OURS.test(each) && !kept.has(each))) {
    const role = await roles.read(name)
    if (role?.['db_name'] !== place.connection || isFor(role, keep)) continue
    try {
      await roles.delete(name)
      dropped.push(name)
    } catch (error) {
      left.push({ group: name, code: isCredctlError(error) ? error.code : 'internal' })
    }
  }
  return { dropped, left }
}

function isFor(role: Readonly<Record<string, unknown>>, groups: readonly string[]): boolean {
  const statements = JSON.stringify(role['creation_statements'])
  return groups.some((group) => statements.includes(group))
}
