/**
 * What a task's command does not inherit: every way to a credential that the grant did not give.
 * Settings that name no server, user or secret stay.
 */
export const REMOVED_PREFIXES = [
  'ACTIONS_ID_TOKEN_',
  'ALIBABA_CLOUD_',
  'ALICLOUD_',
  'ARM_',
  'AWS_',
  'AZURE_',
  'BAO_',
  'CLOUDSDK_',
  'CREDCTL_',
  'OCI_',
  'OS_',
  'PG',
  'TF_TOKEN_',
  'VAULT_',
]

/**
 * Keys of model providers are not here: they are what an agent itself runs on, and open nothing else.
 */
export const REMOVED: ReadonlySet<string> = new Set([
  'ACTIONS_RUNTIME_TOKEN',
  'ATLAS_TOKEN',
  'BITBUCKET_TOKEN',
  'BOTO_CONFIG',
  'BUILDKITE_AGENT_ACCESS_TOKEN',
  'CARGO_REGISTRY_TOKEN',
  'CIRCLE_TOKEN',
  'CI_JOB_JWT',
  'CI_JOB_JWT_V2',
  'CI_JOB_TOKEN',
  'CLOUDFLARE_API_KEY',
  'CLOUDFLARE_API_TOKEN',
  'CONSUL_HTTP_TOKEN',
  'DATABASE_URL',
  'DATABRICKS_TOKEN',
  'DD_API_KEY',
  'DD_APP_KEY',
  'DIGITALOCEAN_ACCESS_TOKEN',
  'DOCKER_AUTH_CONFIG',
  'FLY_API_TOKEN',
  'GEM_HOST_API_KEY',
  'GH_ENTERPRISE_TOKEN',
  'GH_TOKEN',
  'GITHUB_ENTERPRISE_TOKEN',
  'GITHUB_PAT',
  'GITHUB_TOKEN',
  'GITLAB_PRIVATE_TOKEN',
  'GITLAB_TOKEN',
  'GOOGLE_APPLICATION_CREDENTIALS',
  'GOOGLE_CREDENTIALS',
  'GOOGLE_OAUTH_ACCESS_TOKEN',
  'HCLOUD_TOKEN',
  'HEROKU_API_KEY',
  'HF_TOKEN',
  'IBMCLOUD_API_KEY',
  'JIRA_API_TOKEN',
  'KUBECONFIG',
  'KUBE_TOKEN',
  'LINEAR_API_KEY',
  'LINODE_TOKEN',
  'MONGODB_URI',
  'MYSQL_PWD',
  'MYSQL_ROOT_PASSWORD',
  'NEON_API_KEY',
  'NETLIFY_AUTH_TOKEN',
  'NODE_AUTH_TOKEN',
  'NOMAD_TOKEN',
  'NPM_TOKEN',
  'PLANETSCALE_SERVICE_TOKEN',
  'POSTGRES_PASSWORD',
  'POSTGRES_URL',
  'PULUMI_ACCESS_TOKEN',
  'PYPI_TOKEN',
  'RAILWAY_API_TOKEN',
  'RAILWAY_TOKEN',
  'REDISCLI_AUTH',
  'REDIS_URL',
  'RENDER_API_KEY',
  'SCW_SECRET_KEY',
  'SENDGRID_API_KEY',
  'SENTRY_AUTH_TOKEN',
  'SLACK_BOT_TOKEN',
  'SLACK_TOKEN',
  'SNOWFLAKE_PASSWORD',
  'SNYK_TOKEN',
  'SONAR_TOKEN',
  'SSH_AUTH_SOCK',
  'STRIPE_API_KEY',
  'STRIPE_SECRET_KEY',
  'SUPABASE_ACCESS_TOKEN',
  'SUPABASE_DB_PASSWORD',
  'SUPABASE_SERVICE_ROLE_KEY',
  'TFE_TOKEN',
  'TWILIO_AUTH_TOKEN',
  'TWINE_PASSWORD',
  'UV_PUBLISH_TOKEN',
  'VERCEL_TOKEN',
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

/** Names of the credentials that are inherited. */
export function inheritedCredentials(inherited: Variables): string[] {
  return Object.keys(inherited).filter(isCredential)
}

function isCredential(name: string): boolean {
  // Windows knows one spelling for all of these; elsewhere a lower-case one means nothing to SDKs.
  const upper = name.toUpperCase()
  if (KEPT.has(upper)) return false
  return REMOVED.has(upper) || REMOVED_PREFIXES.some((prefix) => upper.startsWith(prefix))
}
