import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { DatabaseEngine } from './database.ts'
import { AwsEngine, KeyValues, Wrapping } from './engines.ts'
import { Leases } from './leases.ts'
import { allows, parsePolicy, type Rule } from './policy.ts'
import { type Asked, DENIED, DONE, failed, given, type Reply, text, wrapped } from './reply.ts'
import { Tokens } from './tokens.ts'

export interface Seen {
  readonly method: string
  readonly path: string
  readonly headers: IncomingMessage['headers']
  readonly body: Readonly<Record<string, unknown>>
}

/** May answer instead of the fake; false lets the fake answer. */
export type Interference = (seen: Seen, response: ServerResponse) => boolean

/**
 * A Vault without Vault: statuses, error bodies, leases, token trees and wrapping as read in the
 * source of OpenBao 2.6.2 and compared with a running one by `npm run test:vault`.
 */
export class FakeVault {
  readonly leases = new Leases()
  readonly tokens = new Tokens((token) => this.leases.tokenEnded(token))
  readonly database = new DatabaseEngine(this.leases)
  readonly aws = new AwsEngine(this.leases)
  readonly seen: Seen[] = []
  /** Logins that are accepted: `approle`, `jwt` and `kubernetes` bodies, as JSON. */
  readonly logins = new Map<string, { policies: string[]; ttl: number; renewable: boolean }>()
  sealed = false
  standby = false
  interfere: Interference = () => false
  readonly #policies = new Map<string, Rule[]>()
  readonly #mounts = new Map<string, string>([['secret', 'kv']])
  readonly #values = new KeyValues()
  readonly #wrapping = new Wrapping(this.tokens)
  readonly #server = createServer((request, response) => void this.#serve(request, response))

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  get rootToken(): string {
    return this.tokens.root.id
  }

  async start(port = 0): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(port, '127.0.0.1', resolve))
    return this
  }

  async seal(): Promise<void> {
    this.sealed = true
  }

  async unseal(): Promise<void> {
    this.sealed = false
  }

  /** What it stored outlives the process, as with a real one. */
  async restart(): Promise<void> {
    const { port } = this.#server.address() as AddressInfo
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
    await this.start(port)
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
    await this.leases.close()
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    const bytes = Buffer.concat(chunks).toString()
    const body = bytes === '' ? {} : JSON.parse(bytes)
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://vault')
    const { method = 'GET', headers } = request
    const listed = method === 'GET' && searchParams.get('list') === 'true'
    const seen = {
      method: listed ? 'LIST' : method,
      path: pathname.replace(/^\/v1\//, ''),
      headers,
      body,
    }
    this.seen.push(seen)
    if (this.interfere(seen, response)) return
    const reply = await this.#answer(seen, decodeURIComponent(request.url ?? '').includes('..'))
    const json = { 'content-type': 'application/json', 'cache-control': 'no-store' }
    response.writeHead(reply.status, json)
    response.end(reply.body === undefined ? undefined : JSON.stringify(reply.body))
  }

  async #answer(seen: Seen, tricky: boolean): Promise<Reply> {
    const { method, path, headers, body } = seen
    if (path === 'sys/health') return this.#health()
    if (this.sealed) return failed(503, 'Vault is sealed')
    if (tricky) return failed(400, 'relative paths not supported')
    this.tokens.expire()
    const raw = text(headers['x-vault-token'])
    const token = this.tokens.alive(raw)
    const wrap = /^(\d+)s?$/.exec(text(headers['x-vault-wrap-ttl']))?.[1]
    const wrapSeconds = wrap === undefined ? undefined : Number(wrap)
    const asked: Asked = { method, path, body, token, wrapSeconds }
    if (path === 'sys/wrapping/unwrap' || path === 'sys/wrapping/lookup') {
      return this.#wrapping.answer(asked, raw)
    }
    if (/^auth\/[\w/-]+\/login$/.test(path)) return this.#login(asked)
    if (token === undefined) return DENIED
    if (!this.#may(asked)) return wrapped(403, 'permission denied')
    const reply = await this.#routed(asked)
    const wrapping = wrapSeconds !== undefined && reply.status === 200
    return wrapping ? this.#wrapping.wrap(reply.body, path, wrapSeconds) : reply
  }

  #health(): Reply {
    const { sealed, standby } = this
    const status = sealed ? 503 : standby ? 429 : 200
    return { status, body: { initialized: true, sealed, standby, version: '2.6.2' } }
  }

  #login({ path, body }: Asked): Reply {
    const [, kind = ''] = path.split('/')
    const found = this.logins.get(`${path} ${JSON.stringify(body)}`)
    if (found === undefined) {
      const said = kind === 'approle' ? 'invalid role or secret ID' : 'error validating token'
      return failed(kind === 'kubernetes' ? 403 : 400, said)
    }
    return this.tokens.loggedIn(this.tokens.make({ ...found, displayName: kind }))
  }

  #may({ method, path, token }: Asked): boolean {
    if (token === undefined || token.policies.includes('root')) return token !== undefined
    const needed = { GET: 'read', LIST: 'list', DELETE: 'delete' }[method] ?? 'update'
    const rules = token.policies.flatMap((name) => this.#policies.get(name) ?? [])
    const own = token.policies.includes('default')
    if (own && /^auth\/token\/(lookup|renew|revoke)-self$/.test(path)) return true
    return allows(rules, path, needed)
  }

  async #routed(asked: Asked): Promise<Reply> {
    const { path, body, wrapSeconds } = asked
    const [first = '', second = '', third = ''] = path.split('/')
    if (path.startsWith('auth/token/')) return this.tokens.answer(asked)
    if (path.startsWith('sys/leases/')) return await this.leases.answer(asked)
    if (path === 'sys/wrapping/wrap') {
      return wrapSeconds === undefined
        ? failed(400, 'endpoint requires response wrapping to be used')
        : given(body)
    }
    if (path.startsWith('sys/policies/acl/')) {
      this.#policies.set(path.split('/')[3] ?? '', parsePolicy(text(body['policy'])))
      return DONE
    }
    if (path === 'sys/mounts') {
      const mounts = [...this.#mounts].map(([name, type]) => [`${name}/`, { type }])
      return given(Object.fromEntries(mounts))
    }
    if (path.startsWith('sys/mounts/')) {
      this.#mounts.set(second === 'mounts' ? third : '', text(body['type']))
      return DONE
    }
    const engine = this.#mounts.get(first)
    if (engine === 'kv' && second === 'data') return this.#values.answer(asked)
    if (engine === 'database') return await this.database.answer(asked, second, third)
    if (engine === 'aws') return this.aws.answer(asked, second, third)
    if (first === 'sys') return wrapped(404, 'unsupported path')
    return failed(404, `no handler for route "${path}". route entry not found.`)
  }
}
