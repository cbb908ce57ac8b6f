import { countIrrevocableLeases } from '../../vault/lease.ts'
import type { Vault } from '../../vault/vault.ts'
import type { CheckResult } from '../output/doctor.ts'
import { fromError } from './report.ts'

/** Can the configured Vault be asked, and does it know the broker? Its state first, then a login. */
export async function checkVault(vault: Vault | undefined): Promise<CheckResult[]> {
  if (vault === undefined) return []
  const place = { check: 'vault', subject: vault.address }
  try {
    const health = await vault.health()
    if (health !== 'active' && health !== 'standby') {
      const remedy = health === 'sealed' ? 'Unseal it.' : 'Initialise it.'
      return [{ ...place, status: 'failed', message: `it is ${health}`, remedy }]
    }
    await vault.login()
    const known: CheckResult = {
      ...place,
      status: 'ok',
      message: `${health}, and it knows the broker`,
    }
    return [known, ...(await irrevocable(vault, place))]
  } catch (error) {
    return [fromError(place, error, 'Check the section vault, and the way to that server.')]
  }
}

/** What Vault cannot end stays usable where it is, and no grant leads to it any more. */
async function irrevocable(
  vault: Vault,
  place: Pick<CheckResult, 'check' | 'subject'>,
): Promise<CheckResult[]> {
  const remedy = 'See docs/vault.md: remove what holds them, and revoke them again.'
  const allow = 'Let the policy of the broker read sys/leases/count, as docs/vault.md has it.'
  try {
    const count = await countIrrevocableLeases(vault)
    if (count === 0) return []
    const message = `it has given up ending ${count} ${count === 1 ? 'lease' : 'leases'}`
    return [{ ...place, status: 'warning', message, remedy }]
  } catch (error) {
    return [{ ...fromError(place, error, allow), status: 'warning' }]
  }
}
