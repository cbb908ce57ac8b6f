import { z } from 'zod'
import { Secret } from '../secret/secret.ts'
import { parseReply } from './answer.ts'
import { PATHS } from './path.ts'
import type { Vault } from './vault.ts'

const texts = z.array(z.string())

const connectionReply = z.object({
  data: z.object({
    plugin_name: z.string(),
    allowed_roles: texts,
    connection_details: z.object({
      connection_url: z.string().optional(),
      username: z.string().optional(),
      password_authentication: z.string().default('password'),
      username_template: z.string().default(''),
    }),
  }),
})
export type Connection = z.infer<typeof connectionReply>['data']

/** How Vault connects to a database; passwords are not in it. */
export async function readConnection(
  vault: Vault,
  mount: string,
  name: string,
): Promise<Connection> {
  const doing = `reading connection ${name}`
  const path = PATHS.databaseConfig(mount, name)
  return (await vault.read({ method: 'GET', path, doing }, connectionReply)).data
}

const credentialReply = z.object({
  lease_id: z.string().min(1).max(512),
  lease_duration: z.number().positive(),
  renewable: z.boolean(),
  data: z.object({ username: z.string().min(1).max(63), password: z.string().min(8).max(1024) }),
})

export interface IssuedLogin {
  readonly lease: string
  readonly seconds: number
  readonly username: string
  readonly password: Secret<string>
}

/** Makes a login with the token of one grant. Never sent twice: each time makes another. */
export async function issueLogin(
  vault: Vault,
  token: Secret<string>,
  mount: string,
  role: string,
): Promise<IssuedLogin> {
  const doing = `reading credentials of role ${role}`
  const path = PATHS.databaseCredential(mount, role)
  const answer = await vault.askWith(token, { method: 'GET', path, once: true, doing })
  const { lease_id: lease, lease_duration, data } = parseReply(answer, credentialReply, doing)
  const { username, password } = data
  return { lease, seconds: lease_duration, username, password: new Secret(password) }
}
