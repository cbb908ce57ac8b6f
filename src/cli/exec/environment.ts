/**
 * What a task's command does not inherit: every way to a credential that the grant did not give.
 * Settings that name no server, user or secret stay.
 */
export const REMOVED_PREFIXES = [
  'AWS_',
  'PG',
  'VAULT_',
  'BAO_',
  'AZURE_',
  'ARM_',
  'CLOUDSDK_',
  'CREDCTL_',
  'ACTIONS_ID_TOKEN_',
]

export const REMOVED: ReadonlySet<string> = new Set([
  'BOTO_CONFIG',
  'CI_JOB_JWT',
  'CI_JOB_JWT_V2',
  'CI_JOB_TOKEN',
  'CLOUDFLARE_API_KEY',
  'CLOUDFLARE_API_TOKEN',
  'DATABASE_URL',
  'DIGITALOCEAN_ACCESS_TOKEN',
  'DOCKER_AUTH_CONFIG',
  'FLY_API_TOKEN',
  'GH_TOKEN',
  'GITHUB_TOKEN',
  'GITLAB_TOKEN',
  'GOOGLE_APPLICATION_CREDENTIALS',
  'GOOGLE_CREDENTIALS',
  'GOOGLE_OAUTH_ACCESS_TOKEN',
  'HEROKU_API_KEY',
  'MYSQL_PWD',
  'NEON_API_KEY',
  'NODE_AUTH_TOKEN',
  'NPM_TOKEN',
  'RAILWAY_TOKEN',
  'REDISCLI_AUTH',
  'SUPABASE_ACCESS_TOKEN',
])

export const KEPT: ReadonlySet<string> = new Set([
  'AWS_CA_BUNDLE',
  'AWS_CLI_AUTO_PROMPT',
  'AWS_DEFAULT_OUTPUT',
  'AWS_MAX_ATTEMPTS',
  'AWS_PAGER',
  'AWS_RETRY_MODE',
  'AWS_USE_DUALSTACK_ENDPOINT',
  'AWS_USE_FIPS_ENDPOINT',
  'PGAPPNAME',
  'PGCLIENTENCODING',
  'PGCONNECT_TIMEOUT',
  'PGDATESTYLE',
  'PGSSLROOTCERT',
  'PGTZ',
])

type Variables = Readonly<Record<string, string | undefined>>

/** The environment of the command: what is inherited, less every credential, plus the grant's. */
export function commandEnvironment(inherited: Variables, given: Variables): NodeJS.ProcessEnv {
  const kept = Object.entries(inherited).filter(([name]) => !isCredential(name))
  return { ...Object.fromEntries(kept), ...given }
}

function isCredential(name: string): boolean {
  // Windows knows one spelling for all of these; elsewhere a lower-case one means nothing to SDKs.
  const upper = name.toUpperCase()
  if (KEPT.has(upper)) return false
  return REMOVED.has(upper) || REMOVED_PREFIXES.some((prefix) => upper.startsWith(prefix))
}
