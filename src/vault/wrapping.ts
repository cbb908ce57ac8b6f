import { z } from 'zod'
import { Secret } from '../secret/secret.ts'
import { PATHS } from './path.ts'
import type { Vault } from './vault.ts'

const wrapReply = z.object({
  wrap_info: z.object({
    token: z.string().min(8).max(4096),
    accessor: z.string().min(8).max(256),
    ttl: z.number().positive(),
    creation_time: z.string().max(64),
    creation_path: z.string().max(256),
  }),
})

export interface WrappingToken {
  readonly token: Secret<string>
  /** Names the token without being one: tells whether it still exists. */
  readonly accessor: string
  readonly seconds: number
  /** As Vault writes it. */
  readonly createdAt: string
  /** What a lookup of the token must show: another one is another wrapping. */
  readonly creationPath: string
}

/** Puts a value behind a token that opens it once. Not sent twice: each time makes another. */
export async function wrapInVault(
  vault: Vault,
  value: object,
  wrapSeconds: number,
): Promise<WrappingToken> {
  const path = PATHS.wrap()
  const doing = 'wrapping a credential'
  const request = { method: 'POST', path, body: value, wrapSeconds, once: true, doing } as const
  const { wrap_info: info } = await vault.read(request, wrapReply)
  return {
    token: new Secret(info.token),
    accessor: info.accessor,
    seconds: info.ttl,
    createdAt: info.creation_time,
    creationPath: info.creation_path,
  }
}
