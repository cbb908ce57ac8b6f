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
  return scheme === 'env'
    ? `Set ${place} in the environment of the broker.`
    : `Put the secret into ${place}, readable by the user of the broker alone.`
}

function secretsOf({ ledger, keys, environments }: Config): Named[] {
  const named: Named[] = []
  const add = (where: string, reference: SecretReference | undefined) => {
    if (reference !== undefined) named.push({ where, reference })
  }
  add('keys.log', keys?.log)
  add('keys.token', keys?.token)
  add('ledger.postgres.password', ledger?.password)
  add('ledger.postgres.ca', ledger?.ca)
  if (ledger !== undefined) {
    const reference = ledger.owner.password
    named.push({ where: 'ledger.postgres.owner.password', reference, byHand: true })
  }
  for (const { name, targets } of environments.values()) {
    for (const [target, place] of Object.entries(targets)) {
      if (place.kind !== 'postgres') continue
      add(`${name}.${target}.admin.password`, place.admin.password)
      add(`${name}.${target}.ca`, place.ca)
    }
  }
  return named
}
