import type { Config } from './config.ts'
import { type SecretsManagerPlace, secretsManager } from './secret/aws-sm.ts'
import { type ResolveSecret, secretResolver } from './secret/resolve.ts'
import { storedResolver } from './secret/stored.ts'
import { vaultSecrets } from './vault/secrets.ts'
import { Vault } from './vault/vault.ts'

export interface Secrets {
  readonly resolve: ResolveSecret
  /** The configured Vault, for targets that it mints for. */
  readonly vault: Vault | undefined
  close(): Promise<void>
}

/**
 * Everything that keeps secrets of the broker, by one resolver. Asks nobody before a reference is
 * used; the caller closes it. `awsPlace` is for tests.
 */
export function openSecrets(
  config: Pick<Config, 'vault'>,
  env: Readonly<Record<string, string | undefined>>,
  awsPlace?: SecretsManagerPlace,
): Secrets {
  const local = secretResolver(env)
  const aws = secretsManager(awsPlace)
  // What opens Vault is read from this machine and cannot be kept in Vault.
  const vault = config.vault && new Vault(config.vault, { resolve: local })
  const stores = { 'aws-sm': aws, ...(vault && { vault: vaultSecrets(vault) }) }
  return {
    resolve: storedResolver(local, stores),
    vault,
    close: async () => {
      aws.close()
      await vault?.close()
    },
  }
}
