import { isCredctlError } from '../../errors.ts'
import { brokerUrl } from '../broker/address.ts'
import type { Cli } from '../cli.ts'
import { parametersOf } from '../flags.ts'
import type { AwsCredentialsOutput } from '../output/aws-credentials.ts'
import type { AwsCredentialsFlags } from './flags.ts'
import { type KeptCredential, readCredential } from './kept.ts'
import { placeOf } from './place.ts'

/** The flags of a call that names its task. */
export type StandaloneFlags = AwsCredentialsFlags & {
  readonly scope: string
  readonly env: string
}

/**
 * Under a grant of its own, which it shares with other calls for the same task: whoever asks again
 * gets the same credential until shortly before its expiry. The grant is not ended by anybody; it
 * expires.
 */
export async function fetchStandalone(
  cli: Cli,
  given: StandaloneFlags,
): Promise<AwsCredentialsOutput> {
  const flags = { ...given, intent: given.intent ?? `credctl aws-credentials ${given.target}` }
  parametersOf(flags)
  const broker = brokerUrl(cli, flags)
  const place = placeOf(cli.process.env, broker, flags)
  const kept = await readCredential(place.credential)
  if (kept !== undefined && Date.now() < kept.renewAt) return kept.output
  const { renew } = await import('./renew.ts')
  try {
    return await renew(cli, { broker, flags, place })
  } catch (error) {
    // A broker that is away is no reason to stop what still works.
    if (kept === undefined || !isCredctlError(error, 'unavailable') || !lives(kept)) throw error
    return kept.output
  }
}

function lives({ expiresAt }: KeptCredential): boolean {
  return Date.now() < expiresAt
}
