import { z } from 'zod'
import { Secret } from '../secret/secret.ts'
import { answerFailure, parseReply } from './answer.ts'
import { PATHS } from './path.ts'
import type { Vault } from './vault.ts'

const texts = z.array(z.string())

/** Unknown fields are kept: a role with one more than we wrote is another role. */
const roleReply = z.object({ data: z.record(z.string(), z.unknown()) })

/** A role of the database engine as Vault has it, or undefined. */
export async function readDatabaseRole(
  vault: Vault,
  mount: string,
  name: string,
): Promise<Readonly<Record<string, unknown>> | undefined> {
  const doing = `reading role ${name}`
  const path = PATHS.databaseRole(mount, name)
  const answer = await vault.ask({ method: 'GET', path, doing })
  // A mount that is not there answers 404 too, with words; writing to it will say so.
  return answer.status === 404 ? undefined : parseReply(answer, roleReply, doing).data
}

/** Vault merges what it has with what it gets: only for a role that is not there. */
export async function writeDatabaseRole(
  vault: Vault,
  mount: string,
  name: string,
  role: object,
): Promise<void> {
  const doing = `writing role ${name}`
  const path = PATHS.databaseRole(mount, name)
  const answer = await vault.ask({ method: 'POST', path, body: role, doing })
  // node-vault gives 204 as 200 without a body.
  if (answer.status !== 200) throw answerFailure(answer, doing)
}

const listReply = z.object({ data: z.object({ keys: texts }) })

/** Names of all roles, whoever wrote them. */
export async function listDatabaseRoles(vault: Vault, mount: string): Promise<readonly string[]> {
  const doing = 'listing roles'
  const path = PATHS.databaseRoles(mount)
  const answer = await vault.ask({ method: 'GET', path, doing })
  // An empty list is nothing at that path.
  return answer.status === 404 ? [] : parseReply(answer, listReply, doing).data.keys
}

export async function deleteDatabaseRole(vault: Vault, mount: string, name: string): Promise<void> {
  const doing = `deleting role ${name}`
  const answer = await vault.ask({ method: 'DELETE', path: PATHS.databaseRole(mount, name), doing })
  if (answer.status !== 200) throw answerFailure(answer, doing)
}

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
