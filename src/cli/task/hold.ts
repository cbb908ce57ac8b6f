import { join } from 'node:path'
import type { Connection } from '../../client/connection.ts'
import { endGrant, type HeldGrant, type Revocation } from '../../client/grant.ts'
import { isCredctlError } from '../../errors.ts'
import { connectionTo } from '../broker/grant.ts'
import { type Delivery, deliver } from '../exec/delivery.ts'
import { type LocalAnswer, localError } from '../exec/loopback.ts'
import { makePrivateDirectory, type PrivateDirectory } from '../exec/private-directory.ts'
import { startWatch, type Watch } from '../exec/watch.ts'
import { ownDirectory } from '../private-file.ts'
import { removeLeftovers } from './leftovers.ts'
import { DESCRIPTION, TASK_PATH, taskDirectories } from './place.ts'

/**
 * A task whose credentials this process serves to other programs of its user, at a place that
 * `credctl exec --grant ID` finds, until it is ended or expires. Should the process be killed, a
 * watcher cleans up.
 */
export class HeldTask {
  readonly grant: HeldGrant
  readonly #connection: Connection
  readonly #watch: Watch
  readonly #over = Promise.withResolvers<void>()
  #directory: PrivateDirectory | undefined
  #delivery: Delivery | undefined
  #timer: NodeJS.Timeout | undefined
  #ended: Promise<readonly Revocation[]> | undefined

  private constructor(env: NodeJS.ProcessEnv, broker: string, grant: HeldGrant) {
    this.grant = grant
    this.#connection = connectionTo(broker)
    this.#watch = startWatch(env, broker, grant)
  }

  /** Ends the grant when its credentials cannot be delivered. */
  static async hold(
    env: NodeJS.ProcessEnv,
    broker: string,
    grant: HeldGrant,
    report: (problem: string) => void,
  ): Promise<HeldTask> {
    const task = new HeldTask(env, broker, grant)
    try {
      await task.#deliver(env, report)
      return task
    } catch (error) {
      await task.end().catch(() => undefined)
      throw error
    }
  }

  /** Resolves once the task has ended, in whatever way. */
  get over(): Promise<void> {
    return this.#over.promise
  }

  /**
   * Removes the files and ends the grant; tells what became of its credentials. May be tried again
   * when the broker was away.
   */
  async end(): Promise<readonly Revocation[]> {
    this.#ended ??= this.#end().catch((error: unknown) => {
      this.#ended = undefined
      throw error
    })
    return await this.#ended
  }

  async #deliver(env: NodeJS.ProcessEnv, report: (problem: string) => void): Promise<void> {
    const { id, expiresAt } = this.grant
    const [base] = taskDirectories(env)
    await ownDirectory(base)
    await removeLeftovers(base, Date.now())
    this.#directory = await makePrivateDirectory(join(base, id))
    this.#watch.clean(this.#directory.path)
    const also = (method: string, path: string) => this.#answer(method, path)
    const options = { report, also }
    this.#delivery = await deliver(this.#connection, this.grant, this.#directory, options)
    const { environment } = this.#delivery
    const description = { pid: process.pid, expires_at: expiresAt.toISOString(), environment }
    await this.#directory.write(DESCRIPTION, JSON.stringify(description))
    const left = Math.max(0, expiresAt.getTime() - Date.now())
    // An expired grant is over, whether the broker can be told so or not.
    this.#timer = setTimeout(() => void this.end().catch(() => this.#release()), left)
  }

  async #end(): Promise<readonly Revocation[]> {
    await this.#directory?.remove()
    const revocations = await endGrant(this.#connection, this.grant.token, this.grant.id)
    clearTimeout(this.#timer)
    this.#watch.done()
    // Who asked for this at the endpoint is still to hear of it.
    setImmediate(() => this.#release())
    return revocations
  }

  /** Serves no more; what could not be ended is left to the watcher once this process is gone. */
  abandon(): void {
    clearTimeout(this.#timer)
    this.#release()
  }

  #release(): void {
    this.#delivery?.close()
    this.#over.resolve()
  }

  async #answer(method: string, path: string): Promise<LocalAnswer | undefined> {
    if (path !== TASK_PATH) return undefined
    const { id } = this.grant
    if (method === 'GET') return { status: 200, body: JSON.stringify({ id }) }
    if (method !== 'DELETE') return undefined
    try {
      return { status: 200, body: JSON.stringify({ id, revocations: await this.end() }) }
    } catch (error) {
      const known = isCredctlError(error) ? error : undefined
      return localError(503, known?.code ?? 'internal', known?.message ?? 'it could not be ended')
    }
  }
}
