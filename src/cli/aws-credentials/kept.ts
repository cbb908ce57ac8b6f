import { JsonObject } from '../../client/json.ts'
import { isCredctlError } from '../../errors.ts'
import type { AwsCredentialsOutput } from '../output/aws-credentials.ts'
import { readPrivateFile, writePrivateFile } from '../private-file.ts'

/** A credential of an earlier call. `output` is a secret. */
export interface KeptCredential {
  readonly output: AwsCredentialsOutput
  /** From here on a call looks for a newer one, milliseconds of the epoch. */
  readonly renewAt: number
  readonly expiresAt: number
}

/** A grant of an earlier call. `token` is a secret. */
export interface KeptGrant {
  readonly id: string
  readonly token: string
  /** Its targets that are AWS roles. */
  readonly targets: readonly string[]
  readonly renewAt: number
}

/** SDKs look for a newer credential this long before an expiry. */
const AHEAD_MS = 5 * 60_000

/** Ahead of the expiry, but not before most of a short life is over. */
export function renewalOf(now: number, expiresAt: number): number {
  return expiresAt - Math.min(AHEAD_MS, (expiresAt - now) / 3)
}

export async function readCredential(path: string): Promise<KeptCredential | undefined> {
  return await read(path, (kept) => {
    const output = kept.object('output')
    return {
      output: {
        Version: 1,
        AccessKeyId: output.text('AccessKeyId'),
        SecretAccessKey: output.text('SecretAccessKey'),
        SessionToken: output.text('SessionToken'),
        Expiration: output.text('Expiration'),
      },
      renewAt: kept.integer('renewAt'),
      expiresAt: output.time('Expiration').getTime(),
    }
  })
}

export async function readGrant(path: string): Promise<KeptGrant | undefined> {
  return await read(path, (kept) => ({
    id: kept.text('id'),
    token: kept.text('token'),
    targets: kept.texts('targets'),
    renewAt: kept.integer('renewAt'),
  }))
}

export async function write(path: string, kept: KeptCredential | KeptGrant): Promise<void> {
  await writePrivateFile(path, JSON.stringify({ ...kept, renewAt: Math.floor(kept.renewAt) }))
}

/** What cannot be read as what we wrote is as good as nothing; what others could write is an error. */
async function read<T>(path: string, parse: (kept: JsonObject) => T): Promise<T | undefined> {
  const text = await readPrivateFile(path)
  if (text === undefined) return undefined
  try {
    return parse(JsonObject.parse(text, 'what was kept'))
  } catch (error) {
    if (isCredctlError(error)) return undefined
    throw error
  }
}
