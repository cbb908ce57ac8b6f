import { createHash, createHmac, pbkdf2Sync, randomBytes } from 'node:crypto'
import pg from 'pg'
import type { Leases } from './leases.ts'
import {
  type Asked,
  DONE,
  failed,
  given,
  MISSING,
  type Reply,
  seconds,
  text,
  texts,
  wrapped,
} from './reply.ts'

const SYSTEM_TTL = 768 * 3600

interface Role {
  readonly db_name: string
  readonly creation_statements: readonly string[]
  readonly revocation_statements: readonly string[]
  readonly renew_statements: readonly string[]
  readonly rollback_statements: readonly string[]
  readonly default_ttl: number
  readonly max_ttl: number
  readonly credential_type: string
}

/**
 * The database engine: runs the statements of its roles on a real PostgreSQL. Those of MySQL it only
 * collects, cut into pieces as the plugin does it.
 */
export class DatabaseEngine {
  readonly configs = new Map<string, Readonly<Record<string, unknown>>>()
  readonly roles = new Map<string, Role>()
  /** Everything that MySQL was sent. */
  readonly mysql: string[] = []
  /** What MySQL says to a statement that fails. */
  refuseMysql: (sql: string) => string | undefined = () => undefined
  readonly #leases: Leases
  /** Vault runs the statements of one connection one after the other. */
  readonly #queues = new Map<string, Promise<unknown>>()

  constructor(leases: Leases) {
    this.#leases = leases
  }

  async answer(asked: Asked, kind: string, name: string): Promise<Reply> {
    if (kind === 'config') return this.#config(asked, name)
    if (kind === 'roles') return this.#role(asked, name)
    return kind === 'creds' ? await this.#credential(asked, name) : MISSING
  }

  #config({ method, body }: Asked, name: string): Reply {
    if (method === 'POST') {
      this.configs.set(name, { ...this.configs.get(name), ...body })
      return DONE
    }
    const config = this.configs.get(name)
    if (config === undefined) return MISSING
    const { allowed_roles, plugin_name, password, ...details } = config
    const connection_details = { password_authentication: 'password', ...details }
    const rest = { password_policy: '', plugin_version: '', root_credentials_rotate_statements: [] }
    return given({ allowed_roles: texts(allowed_roles), plugin_name, connection_details, ...rest })
  }

  #role({ method, body }: Asked, name: string): Reply {
    if (name === '')
      return this.roles.size === 0 ? MISSING : given({ keys: [...this.roles.keys()] })
    const known = this.roles.get(name)
    if (method === 'GET') return known === undefined ? MISSING : given(known)
    if (method === 'DELETE') {
      this.roles.delete(name)
      return DONE
    }
    const list = (key: keyof Role) => (key in body ? texts(body[key]) : texts(known?.[key]))
    if (text(body['db_name']) === '' && known === undefined) {
      return failed(400, 'database name is required')
    }
    this.roles.set(name, {
      db_name: text(body['db_name'] ?? known?.db_name),
      creation_statements: list('creation_statements'),
      revocation_statements: list('revocation_statements'),
      renew_statements: list('renew_statements'),
      rollback_statements: list('rollback_statements'),
      default_ttl: seconds(body['default_ttl'], known?.default_ttl ?? 0),
      max_ttl: seconds(body['max_ttl'], known?.max_ttl ?? 0),
      credential_type: 'password',
    })
    return DONE
  }

  async #credential({ path, token }: Asked, name: string): Promise<Reply> {
    const role = this.roles.get(name)
    if (role === undefined || token === undefined) return failed(400, `unknown role: ${name}`)
    const config = this.configs.get(role.db_name)
    if (config === undefined)
      return wrapped(500, `failed to find entry for connection with name: "${role.db_name}"`)
    if (!texts(config['allowed_roles']).some((pattern) => glob(pattern, name))) {
      return wrapped(500, `"${name}" is not an allowed role`)
    }
    const ttlMs = (role.default_ttl || SYSTEM_TTL) * 1000
    const username = usernameOf(config, token.displayName, name)
    const password = `${randomBytes(15).toString('base64url')}-Aa1`
    const scram = config['password_authentication'] === 'scram-sha-256'
    const values = {
      name: username,
      username,
      password: scram ? verifier(password) : password,
      expiration: sqlTime(new Date(Date.now() + ttlMs + 5_000)),
    }
    try {
      await this.#run(role.db_name, role.creation_statements, values)
    } catch (error) {
      return wrapped(500, `failed to execute query: ${messageOf(error)}`)
    }
    const statements = () =>
      this.roles.get(name)?.revocation_statements ?? role.revocation_statements
    const lease = this.#leases.add(path, token, {
      ttlMs,
      maxMs: (role.max_ttl || SYSTEM_TTL) * 1000,
      renewable: true,
      revoke: () => this.#run(role.db_name, statements(), { name: username, username }),
      renew: (until) => this.#extend(role.db_name, username, until),
    })
    const more = { lease_id: lease.id, renewable: true, lease_duration: ttlMs / 1000 }
    return given({ username, password }, more)
  }

  #extend(db: string, username: string, until: Date): Promise<void> {
    // The MySQL plugin takes an expiry and does nothing with it.
    if (this.#isMysql(db)) return Promise.resolve()
    const statement = `ALTER ROLE "{{username}}" VALID UNTIL '{{expiration}}'`
    return this.#run(db, [statement], { username, expiration: sqlTime(until) })
  }

  /** One transaction; names are put in as text, without quoting. */
  #run(db: string, statements: readonly string[], values: Record<string, string>): Promise<void> {
    const run = async () => {
      if (this.#isMysql(db)) return this.#runMysql(statements, values)
      const client = new pg.Client(this.#connection(db))
      await client.connect()
      try {
        await client.query('BEGIN')
        for (const text of statements) {
          for (const one of /\bEND\b/.test(text) ? [text] : text.split(';')) {
            if (one.trim() !== '') await client.query(filled(one, values))
          }
        }
        await client.query('COMMIT')
      } finally {
        await client.end()
      }
    }
    const running = (this.#queues.get(db) ?? Promise.resolve()).then(run, run)
    this.#queues.set(
      db,
      running.catch(() => undefined),
    )
    return running
  }

  #isMysql(db: string): boolean {
    return text(this.configs.get(db)?.['plugin_name']).startsWith('mysql-')
  }

  #runMysql(statements: readonly string[], values: Record<string, string>): void {
    for (const sql of statements.flatMap((text) => text.split(';'))) {
      const said = this.refuseMysql(sql)
      if (said !== undefined) throw new Error(said)
      this.mysql.push(filled(sql.trim(), values))
    }
  }

  #connection(db: string): pg.ClientConfig {
    const { connection_url, username, password } = this.configs.get(db) ?? {}
    const connectionString = text(connection_url)
      .replace('{{username}}', encodeURIComponent(text(username)))
      .replace('{{password}}', encodeURIComponent(text(password)))
    return { connectionString }
  }
}

function filled(statement: string, values: Record<string, string>): string {
  return statement.replaceAll(/\{\{(\w+)\}\}/g, (all, name) => values[name] ?? all)
}

/** The templates of docs/vault.md, or Vault's default. */
function usernameOf(config: object, displayName: string, role: string): string {
  const template = 'username_template' in config ? text(config.username_template) : ''
  const random = randomBytes(20).toString('hex')
  if (template === '') {
    const parts = [displayName.slice(0, 8), role.slice(0, 8), random.slice(0, 20)]
    return `v-${parts.join('-')}-${Math.floor(Date.now() / 1000)}`.slice(0, 63)
  }
  if (template.includes('cbg%s')) {
    return `cbg${displayName.replace('token-', '')}${random.slice(0, 3)}`.toLowerCase().slice(0, 32)
  }
  return `cbg_${displayName.replace('token-', '')}_${random.slice(0, 10)}`
    .toLowerCase()
    .slice(0, 63)
}

function verifier(password: string): string {
  const salt = randomBytes(16)
  const salted = pbkdf2Sync(password, salt, 4096, 32, 'sha256')
  const hmac = (name: string) => createHmac('sha256', salted).update(name).digest()
  const stored = createHash('sha256').update(hmac('Client Key')).digest('base64')
  return `SCRAM-SHA-256$4096:${salt.toString('base64')}$${stored}:${hmac('Server Key').toString('base64')}`
}

/** Go's layout `2006-01-02 15:04:05-0700`. */
function sqlTime(date: Date): string {
  return `${date.toISOString().slice(0, 19).replace('T', ' ')}+0000`
}

function glob(pattern: string, name: string): boolean {
  return pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : pattern === name
}

function messageOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown'
  return `ERROR: ${error instanceof Error ? error.message : ''} (SQLSTATE ${code})`
}
