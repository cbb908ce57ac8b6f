import { CredctlError } from '../../errors.ts'

/** Error: `usage` for what already runs under a grant. */
export function refuseToNest(env: NodeJS.ProcessEnv): void {
  if (env['CREDCTL_GRANT'] === undefined) return
  throw new CredctlError('usage', `this command already runs under grant ${env['CREDCTL_GRANT']}`, {
    hint: 'Grants do not nest: one task has one scope. End the outer exec first.',
  })
}
