import { z } from 'zod'
import { Secret } from '../secret/secret.ts'
import { parseReply } from './answer.ts'
import { PATHS } from './path.ts'
import type { Vault } from './vault.ts'

const text = z.string().min(1).max(8192)
const sessionReply = z.object({
  lease_id: z.string(),
  data: z.object({
    access_key: text,
    secret_key: text,
    security_token: text,
    arn: text,
    ttl: z.number().positive(),
  }),
})

export interface IssuedSession {
  readonly accessKeyId: string
  readonly secretAccessKey: Secret<string>
  readonly sessionToken: Secret<string>
  readonly arn: string
  readonly seconds: number
}

/** Makes a session with the token of one grant. Never sent twice: each time makes another. */
export async function issueSession(
  vault: Vault,
  token: Secret<string>,
  wanted: {
    readonly mount: string
    readonly role: string
    readonly seconds: number
    readonly session: string
  },
): Promise<IssuedSession> {
  const doing = `taking a session of role ${wanted.role}`
  const path = PATHS.awsSession(wanted.mount, wanted.role)
  const body = { ttl: `${wanted.seconds}s`, role_session_name: wanted.session }
  const answer = await vault.askWith(token, { method: 'POST', path, body, once: true, doing })
  const { data } = parseReply(answer, sessionReply, doing)
  return {
    accessKeyId: data.access_key,
    secretAccessKey: new Secret(data.secret_key),
    sessionToken: new Secret(data.security_token),
    arn: data.arn,
    seconds: data.ttl,
  }
}
