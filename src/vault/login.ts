import { z } from 'zod'
import type { LocalSecretReference } from '../secret/reference.ts'
import { Secret } from '../secret/secret.ts'
import { type Answer, answerFailure, parseReply } from './answer.ts'
import type { Client } from './client.ts'
import { PATHS } from './path.ts'
import type { VaultAuth } from './server.ts'
import type { Login, SessionParts } from './session.ts'

const token = z.string().min(8).max(4096)

const loginReply = z.object({
  auth: z.object({
    client_token: token,
    lease_duration: z.number().min(0),
    renewable: z.boolean(),
  }),
})

const selfReply = z.object({
  data: z.object({ ttl: z.number().min(0), renewable: z.boolean().default(false) }),
})

type Resolve = (reference: LocalSecretReference) => Promise<Secret<string>>

/** How the broker gets, keeps and checks its token, by the configured method. */
export function loginBy(auth: VaultAuth, client: Client, resolve: Resolve): SessionParts {
  return {
    login: () =>
      'token' in auth ? given(client, auth.token, resolve) : login(client, auth, resolve),
    renew: async (held) => {
      const doing = "renewing the broker's token"
      const request = {
        method: 'POST',
        path: PATHS.renewSelf(),
        body: {},
        token: held,
        doing,
      } as const
      const { seconds, renewable } = toLogin(await client.send(request), doing)
      return { token: held, seconds, renewable }
    },
    isAlive: async (held) => (await lookup(client, held)).status === 200,
  }
}

/** A token that somebody else made: Vault says how long it lasts. */
async function given(
  client: Client,
  reference: LocalSecretReference,
  resolve: Resolve,
): Promise<Login> {
  const held = await resolve(reference)
  const doing = "looking at the broker's token"
  const { data } = parseReply(await lookup(client, held), selfReply, doing)
  return { token: held, seconds: data.ttl, renewable: data.renewable }
}

async function login(
  client: Client,
  auth: Exclude<VaultAuth, { token: unknown }>,
  resolve: Resolve,
): Promise<Login> {
  const doing = 'logging in to Vault'
  const { mount, body } = await credentialsOf(auth, resolve)
  const path = PATHS.login(mount)
  return toLogin(await client.send({ method: 'POST', path, body, doing }), doing)
}

/** Read anew for each login: a mounted service-account token is replaced every hour. */
async function credentialsOf(
  auth: Exclude<VaultAuth, { token: unknown }>,
  resolve: Resolve,
): Promise<{ mount: string; body: Record<string, string> }> {
  if ('approle' in auth) {
    const { mount, role_id, secret_id } = auth.approle
    const role = (await resolve(role_id)).reveal()
    return { mount, body: { role_id: role, secret_id: (await resolve(secret_id)).reveal() } }
  }
  const { mount, role, jwt } = 'jwt' in auth ? auth.jwt : auth.kubernetes
  return { mount, body: { role, jwt: (await resolve(jwt)).reveal() } }
}

function lookup(client: Client, held: Secret<string>): Promise<Answer> {
  const doing = "looking at the broker's token"
  return client.send({ method: 'GET', path: PATHS.lookupSelf(), token: held, doing })
}

function toLogin(answer: Answer, doing: string): Login {
  if (answer.status !== 200) throw answerFailure(answer, doing)
  const { auth } = parseReply(answer, loginReply, doing)
  const { client_token, lease_duration: seconds, renewable } = auth
  return { token: new Secret(client_token), seconds, renewable }
}
