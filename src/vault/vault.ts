import { z } from 'zod'
import { type Random, systemRandom } from '../clock.ts'
import type { LocalSecretReference } from '../secret/reference.ts'
import type { Secret } from '../secret/secret.ts'
import { type Answer, answerFailure, parseReply } from './answer.ts'
import { Client, PATIENCE, type Patience, type Request } from './client.ts'
import { loginBy } from './login.ts'
import { PATHS } from './path.ts'
import type { VaultServer } from './server.ts'
import { Session } from './session.ts'

export interface VaultParts {
  readonly resolve: (reference: LocalSecretReference) => Promise<Secret<string>>
  readonly random?: Random
  readonly patience?: Patience
}

export type Health = 'active' | 'standby' | 'sealed' | 'uninitialised'

/** Connection to the broker's Vault. Nothing is sent before the first request; the caller closes it. */
export class Vault {
  readonly #server: VaultServer
  readonly #parts: VaultParts
  #opening: Promise<{ client: Client; session: Session }> | undefined

  constructor(server: VaultServer, parts: VaultParts) {
    this.#server = server
    this.#parts = parts
  }

  get address(): string {
    return this.#server.address
  }

  get namespace(): string | undefined {
    return this.#server.namespace
  }

  /** As the broker: with its own token, taken anew once when Vault has dropped it. */
  async ask(request: Omit<Request, 'token'>): Promise<Answer> {
    const { client, session } = await this.#open()
    const token = await session.token()
    const answer = await client.send({ ...request, token })
    if (answer.status !== 403) return answer
    const another = await session.after(token)
    return another === undefined ? answer : await client.send({ ...request, token: another })
  }

  /** Logs the broker in unless it is. Errors: `target_unavailable`, `target_refused`. */
  async login(): Promise<void> {
    await (await this.#open()).session.token()
  }

  /** With the token of a grant, or, for what needs none, without. */
  async askWith(
    token: Secret<string> | undefined,
    request: Omit<Request, 'token'>,
  ): Promise<Answer> {
    const { client } = await this.#open()
    return await client.send(token === undefined ? request : { ...request, token })
  }

  /** What an answer of status 200 holds. Errors: `target_unavailable`, `target_refused`. */
  async read<T>(request: Omit<Request, 'token'>, schema: z.ZodType<T>): Promise<T> {
    return parseReply(await this.ask(request), schema, request.doing)
  }

  /** As `sys/health` says it; needs no token. Errors: `target_unavailable`, `target_refused`. */
  async health(): Promise<Health> {
    const doing = 'asking for the health of Vault'
    const answer = await this.askWith(undefined, {
      method: 'GET',
      path: PATHS.health(),
      once: true,
      doing,
    })
    const health = HEALTH[answer.status]
    if (health === undefined || !healthReply.safeParse(answer.body).success) {
      throw answerFailure(answer, doing)
    }
    return health
  }

  async close(): Promise<void> {
    const opened = await this.#opening?.catch(() => undefined)
    opened?.session.close()
    opened?.client.close()
  }

  #open() {
    this.#opening ??= this.#connect().catch((error: unknown) => {
      this.#opening = undefined
      throw error
    })
    return this.#opening
  }

  async #connect() {
    const { address, namespace, ca, auth } = this.#server
    const { resolve, random = systemRandom, patience = PATIENCE } = this.#parts
    const trusted = ca === undefined ? undefined : (await resolve(ca)).reveal()
    const client = new Client({ address, namespace, ca: trusted, random, patience })
    return { client, session: new Session(loginBy(auth, client, resolve)) }
  }
}

const HEALTH: Readonly<Record<number, Health>> = {
  200: 'active',
  429: 'standby',
  472: 'standby',
  473: 'standby',
  501: 'uninitialised',
  503: 'sealed',
}

const healthReply = z.object({ initialized: z.boolean(), sealed: z.boolean() })
