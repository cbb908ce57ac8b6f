import { randomBytes } from 'node:crypto'
import {
  type Asked,
  DONE,
  failed,
  given,
  type Reply,
  seconds,
  type Token,
  text,
  texts,
  wrapped,
} from './reply.ts'

const SYSTEM_TTL = 768 * 3600
const DAY = 24 * 3600

interface TokenRole {
  readonly policies: readonly string[]
  readonly orphan: boolean
  readonly renewable: boolean
  readonly explicitMax: number
  readonly noDefault: boolean
}

/** Tokens, their accessors and their roles. A token's end is told to `onEnd`, children included. */
export class Tokens {
  readonly all = new Map<string, Token>()
  readonly roles = new Map<string, TokenRole>()
  readonly root: Token
  readonly #onEnd: (token: Token) => void

  constructor(onEnd: (token: Token) => void) {
    this.#onEnd = onEnd
    this.root = this.make({ policies: ['root'], displayName: 'root', ttl: 0, renewable: false })
  }

  make(wanted: {
    readonly policies: readonly string[]
    readonly displayName: string
    readonly ttl: number
    readonly renewable: boolean
    readonly meta?: Readonly<Record<string, string>>
    readonly parent?: string | undefined
    readonly max?: number
  }): Token {
    const { policies, displayName, ttl, renewable, meta = {}, parent, max = SYSTEM_TTL } = wanted
    const now = Date.now()
    const token: Token = {
      id: `s.${randomBytes(18).toString('base64url')}`,
      accessor: randomBytes(18).toString('base64url').replace(/[-_]/g, 'x'),
      policies,
      displayName,
      meta,
      parent,
      renewable,
      ttlMs: ttl * 1000,
      maxAt: now + max * 1000,
      expiresAt: ttl === 0 ? Number.POSITIVE_INFINITY : now + Math.min(ttl, max) * 1000,
    }
    this.all.set(token.id, token)
    return token
  }

  alive(id: string): Token | undefined {
    const token = this.all.get(id)
    if (token !== undefined && token.expiresAt > Date.now()) return token
    if (token !== undefined) this.end(token)
    return undefined
  }

  byAccessor(accessor: string): Token | undefined {
    const found = [...this.all.values()].find((token) => token.accessor === accessor)
    return found === undefined ? undefined : this.alive(found.id)
  }

  /** The token and all its children that are not orphans. */
  end(token: Token): void {
    this.all.delete(token.id)
    this.#onEnd(token)
    for (const child of [...this.all.values()].filter(({ parent }) => parent === token.id)) {
      this.end(child)
    }
  }

  expire(): void {
    for (const { id } of [...this.all.values()]) this.alive(id)
  }

  answer(asked: Asked): Reply {
    const [, , call = '', name = ''] = asked.path.split('/')
    if (call === 'roles') return this.#writeRole(name, asked.body)
    if (call === 'create') return this.#create(name, asked)
    if (call.endsWith('-accessor')) return this.#byAccessor(call, text(asked.body['accessor']))
    return this.#self(call, asked)
  }

  loggedIn(token: Token): Reply {
    const { id, accessor, policies, meta, renewable, ttlMs, parent } = token
    const auth = { client_token: id, accessor, policies, token_policies: policies, metadata: meta }
    const life = { lease_duration: ttlMs / 1000, renewable, orphan: parent === undefined }
    return given(null, {
      auth: { ...auth, ...life, entity_id: '', token_type: 'service', num_uses: 0 },
    })
  }

  #writeRole(name: string, body: Asked['body']): Reply {
    this.roles.set(name, {
      policies: texts(body['allowed_policies']),
      orphan: body['orphan'] === true,
      renewable: body['renewable'] !== false,
      explicitMax: seconds(body['token_explicit_max_ttl'], 0),
      noDefault: body['token_no_default_policy'] === true,
    })
    return DONE
  }

  #create(name: string, { body, token }: Asked): Reply {
    const role = this.roles.get(name)
    if (name !== '' && role === undefined) return failed(400, `unknown role ${name}`)
    const asked = texts(body['policies'])
    const allowed = role?.policies ?? token?.policies ?? []
    if (!asked.every((policy) => allowed.includes(policy) || allowed.includes('root'))) {
      const said = `token policies (${list(asked)}) must be subset of the role's allowed policies (${list(allowed)}) or glob policies ([])`
      return failed(400, role === undefined ? 'child policies must be subset of parent' : said)
    }
    const { explicitMax = 0, orphan = false, renewable = true, noDefault = false } = role ?? {}
    const ttl = seconds(body['ttl'], SYSTEM_TTL)
    const made = this.make({
      policies: [...(asked.length > 0 ? asked : allowed), ...(noDefault ? [] : ['default'])],
      displayName: `token-${text(body['display_name']).replace(/[^a-zA-Z0-9-]/g, '-')}`,
      meta: Object.fromEntries(Object.entries(body['meta'] ?? {})),
      ttl: explicitMax > 0 ? Math.min(ttl, explicitMax) : ttl,
      renewable: renewable && body['renewable'] !== false,
      parent: orphan ? undefined : token?.id,
    })
    return this.loggedIn(made)
  }

  #byAccessor(call: string, accessor: string): Reply {
    const found = this.byAccessor(accessor)
    if (call === 'lookup-accessor') {
      return found === undefined ? wrapped(400, 'invalid accessor') : this.#shown(found, '')
    }
    if (found === undefined) {
      return given(null, { warnings: ['No token found with this accessor'] })
    }
    this.end(found)
    return DONE
  }

  #self(call: string, { token, body }: Asked): Reply {
    if (token === undefined) return failed(403, 'permission denied')
    if (call === 'lookup-self') return this.#shown(token, token.id)
    if (call === 'revoke-self') {
      this.end(token)
      return DONE
    }
    if (token === this.root) return failed(400, 'invalid lease ID')
    if (!token.renewable) return failed(400, 'lease is not renewable')
    const wanted = seconds(body['increment'], token.ttlMs / 1000 || DAY)
    token.expiresAt = Math.min(Date.now() + wanted * 1000, token.maxAt)
    const left = Math.round((token.expiresAt - Date.now()) / 1000)
    const { id: client_token, accessor, policies } = token
    return given(null, {
      auth: { client_token, accessor, policies, lease_duration: left, renewable: true },
    })
  }

  #shown(token: Token, id: string): Reply {
    const { accessor, displayName, meta, policies, parent, renewable, expiresAt } = token
    const ttl = Number.isFinite(expiresAt) ? Math.round((expiresAt - Date.now()) / 1000) : 0
    const orphan = parent === undefined
    return given({
      id,
      accessor,
      display_name: displayName,
      meta,
      policies,
      orphan,
      renewable,
      ttl,
    })
  }
}

function list(names: readonly string[]): string {
  return `[${names.map((name) => JSON.stringify(name)).join(' ')}]`
}
