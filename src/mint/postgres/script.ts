import type { PostgresTarget } from '../../environment/target-postgres.ts'
import type { ResolveSecret } from '../../secret/resolve.ts'
import { openAdmin } from './admin.ts'
import { retryingRaces, targetFailure } from './failure.ts'

/**
 * Runs statements of `setup`, `apply` or `harden` in one transaction, with the login in
 * `target.admin`: a DBA's or an owner's, not the broker's. Errors: `target_unavailable`,
 * `target_refused`; nothing has changed then.
 */
export async function runScript(
  target: PostgresTarget,
  resolve: ResolveSecret,
  statements: readonly string[],
): Promise<void> {
  const admin = openAdmin(target, resolve)
  try {
    const script = ['BEGIN', ...statements, 'COMMIT'].join(';\n')
    await retryingRaces(() => admin.batch(script))
  } catch (error) {
    throw targetFailure(error, 'running the script')
  } finally {
    await admin.close()
  }
}
