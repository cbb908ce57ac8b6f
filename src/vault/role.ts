import { z } from 'zod'
import { answerFailure, parseReply } from './answer.ts'
import { PATHS } from './path.ts'
import type { Vault } from './vault.ts'

/** Unknown fields are kept: a role with one more than we wrote is another role. */
const roleReply = z.object({ data: z.record(z.string(), z.unknown()) })
const listReply = z.object({ data: z.object({ keys: z.array(z.string()) }) })

/** The roles of one engine, of the database engine or of AWS. */
export class Roles {
  readonly #vault: Vault
  readonly #mount: string

  constructor(vault: Vault, mount: string) {
    this.#vault = vault
    this.#mount = mount
  }

  /** A role as Vault has it, or undefined. */
  async read(name: string): Promise<Readonly<Record<string, unknown>> | undefined> {
    const doing = `reading role ${name}`
    const answer = await this.#vault.ask({ method: 'GET', path: this.#path(name), doing })
    // A mount that is not there answers 404 too, with words; writing to it will say so.
    return answer.status === 404 ? undefined : parseReply(answer, roleReply, doing).data
  }

  /** Vault merges what it has with what it gets: only for a role that is not there. */
  async write(name: string, role: object): Promise<void> {
    const doing = `writing role ${name}`
    const path = this.#path(name)
    const answer = await this.#vault.ask({ method: 'POST', path, body: role, doing })
    // node-vault gives 204 as 200 without a body.
    if (answer.status !== 200) throw answerFailure(answer, doing)
  }

  async delete(name: string): Promise<void> {
    const doing = `deleting role ${name}`
    const answer = await this.#vault.ask({ method: 'DELETE', path: this.#path(name), doing })
    if (answer.status !== 200) throw answerFailure(answer, doing)
  }

  /** Names of all roles, whoever wrote them. */
  async list(): Promise<readonly string[]> {
    const doing = 'listing roles'
    const answer = await this.#vault.ask({ method: 'GET', path: PATHS.roles(this.#mount), doing })
    // An empty list is nothing at that path.
    return answer.status === 404 ? [] : parseReply(answer, listReply, doing).data.keys
  }

  #path(name: string) {
    return PATHS.role(this.#mount, name)
  }
}
