import { z } from 'zod'
import { CredctlError } from '../errors.ts'
import { Secret } from '../secret/secret.ts'
import type { SecretStore } from '../secret/stored.ts'
import { parseReply } from './answer.ts'
import { PATHS } from './path.ts'
import type { Vault } from './vault.ts'

/** The newest version of a secret; Vault answers 404 with metadata for one that was deleted. */
const version = z.object({ data: z.object({ data: z.record(z.string(), z.unknown()) }) })

/** Secrets of KV engines, version 2, by their path: `mount/data/path`. */
export function vaultSecrets(vault: Vault): SecretStore {
  return {
    fetch: async (place) => {
      const doing = 'reading a secret'
      const answer = await vault.ask({ method: 'GET', path: PATHS.secret(place), doing })
      if (answer.status === 404) {
        const hint = 'the path is mount/data/path, and its newest version must not be deleted'
        throw new CredctlError('unavailable', 'Vault has no secret there', { hint })
      }
      return new Secret(parseReply(answer, version, doing).data.data)
    },
  }
}
