import { readFileSync } from 'node:fs'

/** A Vault that a test may set up: the fake, or a real one. */
export interface TestVault {
  readonly url: string
  readonly rootToken: string
  seal(): Promise<void>
  unseal(): Promise<void>
  /** Stops and starts again with what it had stored. */
  restart(): Promise<void>
  close(): Promise<void>
}

export interface Called {
  readonly status: number
  readonly body: {
    readonly data?: Readonly<Record<string, unknown>>
    readonly auth?: { readonly client_token: string; readonly accessor: string }
    readonly wrap_info?: { readonly token: string }
    readonly errors?: readonly string[]
  }
}

/** One request as its operator, or with another token. */
export async function call(
  { url, rootToken }: Pick<TestVault, 'url' | 'rootToken'>,
  method: string,
  path: string,
  body?: object,
  token = rootToken,
): Promise<Called> {
  const headers = { 'x-vault-token': token, 'content-type': 'application/json' }
  const sent = body === undefined ? {} : { body: JSON.stringify(body) }
  const response = await fetch(`${url}/v1/${path}`, { method, headers, ...sent })
  const text = await response.text()
  return { status: response.status, body: text === '' ? {} : JSON.parse(text) }
}

export interface Connected {
  readonly host: string
  readonly port: number
  readonly database: string
  readonly user: string
  readonly password: string
}

/** Everything of docs/vault.md from step 3 on; the policies are those of the page. Gives a broker token. */
export async function setUpVault(vault: TestVault, name: string, to: Connected): Promise<string> {
  return await setUpConnection(vault, name, connectionOf(to))
}

export async function setUpConnection(
  vault: TestVault,
  name: string,
  connection: object,
): Promise<string> {
  const operator = async (path: string, body: object) => {
    const { status, body: said } = await call(vault, 'POST', path, body)
    if (status >= 300) throw new Error(`${path}: ${status} ${JSON.stringify(said)}`)
    return said
  }
  const mounts = await call(vault, 'GET', 'sys/mounts')
  if (!('database/' in (mounts.body.data ?? {})))
    await operator('sys/mounts/database', { type: 'database' })
  await operator(`database/config/${name}`, connection)
  for (const policy of ['credctl-broker', 'credctl-grant']) {
    await operator(`sys/policies/acl/${policy}`, { policy: policyOf(policy, name) })
  }
  await operator('auth/token/roles/credctl', TOKEN_ROLE)
  const broker = { policies: ['credctl-broker'], ttl: '1h', display_name: 'broker' }
  return (await operator('auth/token/create', broker)).auth?.client_token ?? ''
}

export const TOKEN_ROLE = {
  allowed_policies: ['credctl-grant'],
  orphan: true,
  renewable: false,
  token_type: 'service',
  token_no_default_policy: true,
  token_explicit_max_ttl: '4000s',
}

export function connectionOf({ host, port, database, user, password }: Connected) {
  const place = `${host}:${port}/${database}?sslmode=disable`
  return {
    plugin_name: 'postgresql-database-plugin',
    allowed_roles: ['cb-*'],
    connection_url: `postgresql://{{username}}:{{password}}@${place}`,
    username: user,
    password,
    password_authentication: 'scram-sha-256',
    username_template: templateOf(),
  }
}

export function mysqlConnectionOf(to: Omit<Connected, 'database'>) {
  return {
    plugin_name: 'mysql-database-plugin',
    allowed_roles: ['cb-*'],
    connection_url: `{{username}}:{{password}}@tcp(${to.host}:${to.port})/`,
    username: to.user,
    password: to.password,
    username_template: templateOf(1),
  }
}

const page = readFileSync(new URL('../../../docs/vault.md', import.meta.url), 'utf8')

/** A policy as the page has it, for the connection of this test. */
function policyOf(name: string, connection: string): string {
  const text = page.split('```hcl').find((block) => block.startsWith(`\n# ${name}\n`)) ?? ''
  return (text.split('```')[0] ?? '').replace('config/orders', `config/${connection}`)
}

/** PostgreSQL's stands first on the page, MySQL's after it. */
function templateOf(at = 0): string {
  return [...page.matchAll(/username_template='([^']+)'/g)][at]?.[1] ?? ''
}
