import type { Config } from '../../config.ts'
import { serverAccount } from '../../embedded/account.ts'
import { findBinaries } from '../../embedded/binaries.ts'
import { checkLedger } from '../../ledger/open.ts'
import type { ResolveSecret } from '../../secret/resolve.ts'
import type { CheckResult } from '../output/doctor.ts'
import { fromError } from './report.ts'

/** Could a broker append now? Nothing is written, and credctl's own server is not started. */
export async function checkLedgerDatabase(
  { ledger, state }: Config,
  resolve: ResolveSecret,
): Promise<CheckResult> {
  const check = 'ledger'
  const subject =
    ledger === undefined ? 'embedded' : `${ledger.host}:${ledger.port}/${ledger.database}`
  try {
    if (ledger === undefined) {
      const { major } = await findBinaries(await serverAccount())
      const message = `PostgreSQL ${major} of its own, below ${state}`
      return { check, subject, status: 'ok', message }
    }
    await checkLedger(ledger, resolve)
    return { check, subject, status: 'ok', message: 'reachable and migrated' }
  } catch (error) {
    return fromError(
      { check, subject },
      error,
      'Check ledger.postgres, and the way to that server.',
    )
  }
}
