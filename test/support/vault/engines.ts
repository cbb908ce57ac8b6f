import { randomBytes } from 'node:crypto'
import type { Leases } from './leases.ts'
import { type Asked, DONE, failed, given, MISSING, type Reply, seconds, text } from './reply.ts'
import type { Tokens } from './tokens.ts'

/** KV, version 2. */
export class KeyValues {
  readonly #versions = new Map<string, unknown[]>()

  answer({ method, path, body }: Asked): Reply {
    const versions = this.#versions.get(path) ?? []
    if (method === 'POST') {
      this.#versions.set(path, [...versions, body['data']])
      const created_time = new Date().toISOString()
      const about = { created_time, custom_metadata: null, deletion_time: '', destroyed: false }
      return given({ version: versions.length + 1, ...about })
    }
    if (versions.length === 0) return MISSING
    if (method === 'DELETE') {
      this.#versions.set(path, [...versions.slice(0, -1), null])
      return DONE
    }
    const data = versions.at(-1)
    const now = new Date().toISOString()
    const deletion_time = data === null ? now : ''
    const about = { created_time: now, custom_metadata: null, deletion_time, destroyed: false }
    const shown = given({ data, metadata: { version: versions.length, ...about } })
    return data === null ? { ...shown, status: 404 } : shown
  }
}

/** The AWS engine of Vault, with `assumed_role` only. */
export class AwsEngine {
  readonly roles = new Map<string, Readonly<Record<string, unknown>>>()
  readonly sessions: Readonly<Record<string, unknown>>[] = []
  readonly #leases: Leases

  constructor(leases: Leases) {
    this.#leases = leases
  }

  answer({ method, path, body, token }: Asked, kind: string, name: string): Reply {
    const role = this.roles.get(name)
    if (kind === 'roles') {
      if (method === 'GET') return role === undefined ? MISSING : given(shownRole(role))
      this.roles.set(name, body)
      return DONE
    }
    if (role === undefined || token === undefined) return failed(400, `Role '${name}' not found`)
    const ttl = seconds(body['ttl'], seconds(role['default_sts_ttl'], 3600))
    if (ttl < 900) return failed(400, 'ValidationError: durationSeconds must be at least 900')
    const sessionName = text(body['role_session_name']) || 'vault-session'
    const arn = text(Array.isArray(role['role_arns']) ? role['role_arns'][0] : '')
    const [, , , , account = '', roleName = ''] = arn.split(':')
    this.sessions.push({ ...body, role: name })
    const nothing = async () => undefined
    const life = { ttlMs: ttl * 1000, maxMs: ttl * 1000, renewable: false }
    const lease = this.#leases.add(path, token, { ...life, revoke: nothing, renew: nothing })
    const secret = {
      access_key: `ASIA${randomBytes(8).toString('hex').toUpperCase()}`,
      secret_key: randomBytes(30).toString('base64'),
      security_token: randomBytes(60).toString('base64'),
      arn: `arn:aws:sts::${account}:assumed-role/${roleName.split('/').at(-1)}/${sessionName}`,
      ttl,
    }
    return given(secret, { lease_id: lease.id, renewable: false, lease_duration: ttl })
  }
}

/** As Vault shows a role: absent lists as null or empty, TTLs as seconds. */
function shownRole(body: Readonly<Record<string, unknown>>) {
  const empty = { external_id: '', iam_groups: null, iam_tags: null, mfa_serial_number: '' }
  const more = { permissions_boundary_arn: '', policy_arns: [], user_path: '', session_tags: null }
  const document = text(body['policy_document'])
  return {
    ...empty,
    ...more,
    ...body,
    policy_document: document === '' ? '' : JSON.stringify(JSON.parse(document)),
    default_sts_ttl: seconds(body['default_sts_ttl'], 0),
    max_sts_ttl: seconds(body['max_sts_ttl'], 0),
  }
}

/** Response wrapping: each token opens its content once, for whoever has it. */
export class Wrapping {
  readonly #tokens: Tokens
  readonly #kept = new Map<string, { body: unknown; about: object }>()

  constructor(tokens: Tokens) {
    this.#tokens = tokens
  }

  wrap(body: unknown, path: string, ttl: number): Reply {
    const policies = ['response-wrapping']
    const made = this.#tokens.make({ policies, displayName: '', ttl, renewable: false })
    const creation_time = new Date().toISOString()
    const creation_path = path
    const about = { creation_path, creation_time, creation_ttl: ttl }
    this.#kept.set(made.id, { body, about })
    const { id: token, accessor } = made
    return given(null, { wrap_info: { token, accessor, ttl, creation_time, creation_path } })
  }

  /** By the wrapping token itself, or by another one with it in the body. */
  answer({ path, body }: Asked, raw: string): Reply {
    const id = text(body['token']) || raw
    const token = this.#tokens.alive(id)
    const kept = this.#kept.get(id)
    if (token === undefined || kept === undefined) {
      return failed(400, 'wrapping token is not valid or does not exist')
    }
    if (path.endsWith('/lookup')) return given(kept.about)
    this.#kept.delete(id)
    // As a real one does: the token is gone an instant after the answer.
    setTimeout(() => this.#tokens.end(token), 15).unref()
    return { status: 200, body: kept.body }
  }
}
