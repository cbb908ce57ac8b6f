import { randomBytes } from 'node:crypto'
import { type Asked, DONE, failed, given, type Reply, seconds, type Token, text } from './reply.ts'

export interface Lease {
  readonly id: string
  readonly token: string
  readonly issuedAt: number
  readonly ttlMs: number
  readonly maxAt: number
  readonly renewable: boolean
  expiresAt: number
  renewedAt?: number
  revokeError?: string
  tries: number
  irrevocable: boolean
  readonly revoke: () => Promise<void>
  readonly renew: (until: Date) => Promise<void>
}

/** Real Vault waits 10 s, 20, 40 … (halved or longer by chance) between tries and gives up after six. */
const RETRY_MS = 20
const TRIES = 6
/** Ended tokens only queue their leases. */
const QUEUE_MS = 15

/** Leases and the queue that ends them. */
export class Leases {
  readonly all = new Map<string, Lease>()
  readonly #timers = new Map<string, NodeJS.Timeout>()
  readonly #running = new Set<Promise<unknown>>()

  add(
    path: string,
    token: Token,
    lease: Pick<Lease, 'ttlMs' | 'renewable' | 'revoke' | 'renew'> & { maxMs: number },
  ): Lease {
    const issuedAt = Date.now()
    const id = `${path}/${randomBytes(12).toString('hex')}`
    const { maxMs, ...rest } = lease
    const times = { issuedAt, expiresAt: issuedAt + lease.ttlMs, maxAt: issuedAt + maxMs }
    const added = { ...rest, ...times, id, token: token.id, tries: 0, irrevocable: false }
    this.all.set(id, added)
    this.#plan(added, lease.ttlMs)
    return added
  }

  tokenEnded(token: Token): void {
    for (const lease of this.all.values()) if (lease.token === token.id) this.#queue(lease)
  }

  async answer({ path, body }: Asked): Promise<Reply> {
    if (path.endsWith('/count')) {
      const lease_count = [...this.all.values()].filter(({ irrevocable }) => irrevocable).length
      return given({ lease_count, counts: {} })
    }
    const lease = this.all.get(text(body['lease_id']))
    if (path.endsWith('/lookup'))
      return lease === undefined ? failed(400, 'invalid lease') : shown(lease)
    if (path.endsWith('/renew')) return await this.#renew(lease, body)
    if (body['sync'] === false) {
      if (lease !== undefined) this.#queue(lease)
      return { status: 202 }
    }
    if (lease === undefined) return DONE
    try {
      await this.#end(lease)
      return DONE
    } catch (error) {
      return failed(400, `failed to revoke entry: ${error instanceof Error ? error.message : ''}`)
    }
  }

  async close(): Promise<void> {
    for (const timer of this.#timers.values()) clearTimeout(timer)
    await Promise.allSettled(this.#running)
  }

  async #renew(lease: Lease | undefined, body: Asked['body']): Promise<Reply> {
    if (lease === undefined) return failed(400, 'lease not found')
    if (!lease.renewable) return failed(400, 'lease is not renewable')
    if (lease.expiresAt <= Date.now()) return failed(400, 'lease expired')
    const wanted = seconds(body['increment'], lease.ttlMs / 1000) * 1000
    lease.expiresAt = Math.min(Date.now() + wanted, lease.maxAt)
    lease.renewedAt = Date.now()
    await lease.renew(new Date(lease.expiresAt + 5_000))
    this.#plan(lease, lease.expiresAt - Date.now())
    const { id: lease_id, renewable } = lease
    const lease_duration = Math.round((lease.expiresAt - Date.now()) / 1000)
    return { status: 200, body: { lease_id, renewable, lease_duration, data: null, errors: null } }
  }

  #queue(lease: Lease): void {
    lease.expiresAt = Date.now()
    lease.irrevocable = false
    lease.tries = 0
    this.#plan(lease, QUEUE_MS)
  }

  #plan(lease: Lease, afterMs: number): void {
    clearTimeout(this.#timers.get(lease.id))
    const timer = setTimeout(
      () => {
        const running = this.#try(lease)
        this.#running.add(running)
        void running.finally(() => this.#running.delete(running))
      },
      Math.min(afterMs, 2 ** 31 - 1),
    )
    timer.unref()
    this.#timers.set(lease.id, timer)
  }

  async #try(lease: Lease): Promise<void> {
    try {
      await this.#end(lease)
    } catch (error) {
      lease.revokeError = error instanceof Error ? error.message : 'unknown'
      lease.tries += 1
      lease.irrevocable = lease.tries >= TRIES
      if (!lease.irrevocable) this.#plan(lease, RETRY_MS * 2 ** lease.tries)
    }
  }

  async #end(lease: Lease): Promise<void> {
    await lease.revoke()
    clearTimeout(this.#timers.get(lease.id))
    this.#timers.delete(lease.id)
    this.all.delete(lease.id)
  }
}

function shown(lease: Lease): Reply {
  const { id, issuedAt, expiresAt, renewedAt, renewable, revokeError } = lease
  const ttl = Math.floor((expiresAt - Date.now()) / 1000)
  return given({
    id,
    issue_time: new Date(issuedAt).toISOString(),
    expire_time: new Date(expiresAt).toISOString(),
    last_renewal: renewedAt === undefined ? null : new Date(renewedAt).toISOString(),
    renewable,
    ttl,
    ...(revokeError === undefined ? {} : { revoke_error: revokeError }),
  })
}
