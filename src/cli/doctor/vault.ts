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
    return [{ ...place, status: 'ok', message: `${health}, and it knows the broker` }]
  } catch (error) {
    return [fromError(place, error, 'Check the section vault, and the way to that server.')]
  }
}
