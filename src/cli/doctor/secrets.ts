import type { Config } from '../../config.ts'
import type { SecretReference } from '../../secret/reference.ts'
import type { ResolveSecret } from '../../secret/resolve.ts'
import type { CheckResult } from '../output/doctor.ts'
import { fromError } from './report.ts'

interface Named {
  readonly where: string
  readonly reference: SecretReference
  /** Only `credctl migrate` reads it: a broker starts without it. */
  readonly byHand?: true
}

/** Is every secret there that the configuration refers to? Their values go nowhere. */
export async function checkSecrets(config: Config, resolve: ResolveSecret): Promise<CheckResult[]> {
  return await Promise.all(secretsOf(config).map((named) => checkSecret(named, resolve)))
}

async function checkSecret(named: Named, resolve: ResolveSecret): Promise<CheckResult> {
  const { where, reference, byHand } = named
  try {
    await resolve(reference)
    return { check: 'secrets', subject: where, status: 'ok', message: reference }
  } catch (error) {
    const result = fromError({ check: 'secrets', subject: where }, error, remedyFor(reference))
    return byHand === undefined ? result : { ...result, status: 'warning' }
  }
}

function remedyFor(reference: SecretReference): string {
  const [scheme, ...rest] = reference.split(':')
  const place = rest.join(':')
  if (scheme === 'env') return `Set ${place} in the environment of the broker.`
  if (scheme === 'vault') return `Write it to ${place} in Vault, readable by the broker's policy.`
  if (scheme === 'aws-sm') return `Put it into ${place} in Secrets Manager, readable by the broker.`
  return `Put the secret into ${place}, readable by the user of the broker alone.`
}

function secretsOf(config: Config): Named[] {
  const { ledger, keys, environments, issuers, vault } = config
  const named: Named[] = []
  const add = (where: string, reference: SecretReference | undefined) => {
    if (reference !== undefined) named.push({ where, reference })
  }
  add('vault.ca', vault?.ca)
  for (const [name, reference] of vaultLogin(vault)) add(`vault.auth.${name}`, reference)
  add('keys.log', keys?.log)
  add('keys.token', keys?.token)
  add('console.client_secret', config.console?.client_secret)
  add('ledger.postgres.password', ledger?.password)
  add('ledger.postgres.ca', ledger?.ca)
  if (ledger !== undefined) {
    const reference = ledger.owner.password
    named.push({ where: 'ledger.postgres.owner.password', reference, byHand: true })
  }
  for (const [name, { token_review: review }] of Object.entries(issuers)) {
    add(`issuers.${name}.token_review.token`, review?.token)
    add(`issuers.${name}.token_review.ca`, review?.ca)
  }
  add('slack.token', config.slack?.token)
  add('github.token', config.github?.token)
  add('slack.signing_secret', config.slack?.signing_secret)
  for (const { name, targets } of environments.values()) {
    for (const [target, place] of Object.entries(targets)) {
      if (!('host' in place)) continue
      if ('admin' in place) add(`${name}.${target}.admin.password`, place.admin?.password)
      add(`${name}.${target}.ca`, place.ca)
    }
  }
  return named
}

/** What the broker logs in to Vault with, by the names of the configuration. */
function vaultLogin(vault: Config['vault']): [string, SecretReference][] {
  if (vault === undefined) return []
  const { auth } = vault
  if ('token' in auth) return [['token', auth.token]]
  if ('jwt' in auth) return [['jwt.jwt', auth.jwt.jwt]]
  if ('kubernetes' in auth) return [['kubernetes.jwt', auth.kubernetes.jwt]]
  const { role_id, secret_id } = auth.approle
  return [
    ['approle.role_id', role_id],
    ['approle.secret_id', secret_id],
  ]
}
