import { readdir } from 'node:fs/promises'
import { join } from 'node:path'

/** Where tools keep what they sign in with. An agent that runs as its user reads all of it. */
const KEPT = [
  '.aws/config',
  '.aws/credentials',
  '.azure/msal_token_cache.json',
  '.bash_history',
  '.bash_profile',
  '.bashrc',
  '.boto',
  '.cargo/credentials.toml',
  '.config/doctl/config.yaml',
  '.config/gcloud/application_default_credentials.json',
  '.config/gh/hosts.yml',
  '.config/git/credentials',
  '.config/glab-cli/config.yml',
  '.config/rclone/rclone.conf',
  '.docker/config.json',
  '.env',
  '.gem/credentials',
  '.git-credentials',
  '.gradle/gradle.properties',
  '.kube/config',
  '.m2/settings.xml',
  '.my.cnf',
  '.netrc',
  '.npmrc',
  '.pg_service.conf',
  '.pgpass',
  '.profile',
  '.pypirc',
  '.s3cfg',
  '.terraform.d/credentials.tfrc.json',
  '.vault-token',
  '.yarnrc.yml',
  '.zsh_history',
  '.zshenv',
  '.zshrc',
] as const

/** Files of a home directory that hold credentials when they exist; the rest is not looked at. */
export async function homeFiles(home: string): Promise<string[]> {
  const keys = await readdir(join(home, '.ssh')).catch(() => [])
  const ssh = keys.filter((name) => !name.endsWith('.pub')).map((name) => `.ssh/${name}`)
  return [...KEPT, ...ssh].map((name) => join(home, name))
}
