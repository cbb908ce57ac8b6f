import { z } from 'zod'
import { Secret } from '../secret/secret.ts'
import { answerFailure, errorsOf } from './answer.ts'
import { PATHS } from './path.ts'
import type { Vault } from './vault.ts'

const tokenReply = z.object({
  auth: z.object({
    client_token: z.string().min(8).max(4096),
    accessor: z.string().min(8).max(256),
    orphan: z.boolean(),
    token_policies: z.array(z.string()),
  }),
})

export interface GrantToken {
  readonly token: Secret<string>
  /** Names the token without being one: with it everything the token made can be ended. */
  readonly accessor: string
  /** Without a parent that could end and take it along. */
  readonly orphan: boolean
  readonly policies: readonly string[]
}

/** A token of a token role, for one grant. Not sent twice: each time makes another. */
export async function createGrantToken(
  vault: Vault,
  role: string,
  wanted: {
    readonly seconds: number
    readonly name: string
    readonly meta: Record<string, string>
  },
): Promise<GrantToken> {
  const body = { ttl: `${wanted.seconds}s`, display_name: wanted.name, meta: wanted.meta }
  const path = PATHS.createToken(role)
  const doing = `making a token of role ${role}`
  const request = { method: 'POST', path, body, once: true, doing } as const
  const { auth } = await vault.read(request, tokenReply)
  const { client_token, accessor, orphan, token_policies: policies } = auth
  return { token: new Secret(client_token), accessor, orphan, policies }
}

/** Ends a token by its accessor; what it made is queued to end. An unknown one is success. */
export async function revokeAccessor(vault: Vault, accessor: string): Promise<void> {
  const doing = 'revoking a token'
  const path = PATHS.revokeAccessor()
  const answer = await vault.ask({ method: 'POST', path, body: { accessor }, doing })
  if (answer.status !== 200 && !isUnknown(answer)) throw answerFailure(answer, doing)
}

/** Does the token of this accessor still exist? */
export async function accessorExists(vault: Vault, accessor: string): Promise<boolean> {
  const doing = 'looking at a token'
  const path = PATHS.lookupAccessor()
  const answer = await vault.ask({ method: 'POST', path, body: { accessor }, doing })
  if (answer.status === 200) return true
  if (isUnknown(answer)) return false
  throw answerFailure(answer, doing)
}

/** Vault answers 400 or 403 with these words, by version. */
function isUnknown(answer: Parameters<typeof errorsOf>[0]): boolean {
  return errorsOf(answer).some((text) => /invalid accessor|token not found/.test(text))
}
