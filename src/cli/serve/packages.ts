import type { Config } from '../../config.ts'
import { CredctlError } from '../../errors.ts'

/** A package that `npm install --omit=optional` leaves out, and what in the configuration needs it. */
interface Need {
  readonly name: string
  readonly because: string
}

/**
 * A broker that could not do what its configuration says does not start: found out when a task asks,
 * it would look like a target that is down.
 */
export function requirePackages(config: Config, isInstalled = resolves): void {
  const missing = needs(config).filter(({ name }) => !isInstalled(name))
  if (missing.length === 0) return
  const what = missing.map(({ name, because }) => `${name} (${because})`).join(', ')
  throw new CredctlError('config_invalid', `the configuration needs ${what}, not installed`, {
    hint: 'Run npm install without --omit=optional; docs/dependencies.md says what needs what.',
  })
}

function needs(config: Config): Need[] {
  const targets = [...config.environments.values()].flatMap(({ targets }) => Object.values(targets))
  const aws = targets.filter((target) => target.kind === 'aws')
  // References are texts of their own wherever they stand.
  const refersToAws = JSON.stringify(config, mapsAsLists).includes('"aws-sm:')
  const anchorsInS3 = Object.values(config.anchors ?? {}).some((anchor) => 's3' in anchor)
  return [
    [aws.length > 0, '@aws-sdk/client-sts', 'AWS targets'],
    [
      aws.some(({ revoker }) => revoker !== undefined),
      '@aws-sdk/client-iam',
      'revoker of a target',
    ],
    [refersToAws, '@aws-sdk/client-secrets-manager', 'aws-sm: references'],
    [anchorsInS3, '@aws-sdk/client-s3', 'anchors in S3'],
    [config.vault !== undefined, 'node-vault', 'vault'],
  ].flatMap(([isNeeded, name, because]) =>
    isNeeded === true ? [{ name: String(name), because: String(because) }] : [],
  )
}

function mapsAsLists(_name: string, value: unknown): unknown {
  return value instanceof Map ? [...value.values()] : value
}

function resolves(name: string): boolean {
  try {
    import.meta.resolve(name)
    return true
  } catch {
    return false
  }
}
