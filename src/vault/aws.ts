import { z } from 'zod'
import { Secret } from '../secret/secret.ts'
import { answerFailure, parseReply } from './answer.ts'
import { PATHS } from './path.ts'
import type { Vault } from './vault.ts'

const roleReply = z.object({ data: z.record(z.string(), z.unknown()) })

/** A role of the AWS engine as Vault has it, its policy minified, or undefined. */
export async function readAwsRole(
  vault: Vault,
  mount: string,
  name: string,
): Promise<Readonly<Record<string, unknown>> | undefined> {
  const doing = `reading role ${name}`
  const answer = await vault.ask({ method: 'GET', path: PATHS.awsRole(mount, name), doing })
  if (answer.status === 404) return undefined
  const { data } = parseReply(answer, roleReply, doing)
  return { ...data, policy_document: minified(data['policy_document']) }
}

/** Vault may lay it out differently; another content stays another content. */
function minified(document: unknown): unknown {
  try {
    return typeof document === 'string' ? JSON.stringify(JSON.parse(document)) : document
  } catch {
    return document
  }
}

export async function writeAwsRole(
  vault: Vault,
  mount: string,
  name: string,
  role: object,
): Promise<void> {
  const doing = `writing role ${name}`
  const path = PATHS.awsRole(mount, name)
  const answer = await vault.ask({ method: 'POST', path, body: role, doing })
  if (answer.status !== 200) throw answerFailure(answer, doing)
}

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
