import { fileURLToPath } from 'node:url'
import type { GrantedTarget } from '../../client/grant.ts'
import { credentialPath } from './endpoint-path.ts'
import type { PrivateDirectory } from './private-directory.ts'

const BIN = fileURLToPath(new URL('../../../bin/credctl.js', import.meta.url))

/** A local endpoint, and the file with what it wants to read in `Authorization`. */
interface Endpoint {
  readonly url: string
  readonly tokenFile: string
}

/**
 * Where AWS SDKs find credentials: the first target at the endpoint, which they ask again before
 * each expiry, every target as a profile. The files of the user are out of reach, so that an ended
 * grant does not fall through to somebody's own rights.
 */
export async function deliverAws(
  { url, tokenFile }: Endpoint,
  targets: readonly GrantedTarget[],
  directory: PrivateDirectory,
): Promise<Record<string, string>> {
  const [first] = targets
  if (first === undefined) return {}
  return {
    AWS_CONFIG_FILE: await directory.write('aws-config', targets.map(profile).join('\n')),
    AWS_CONTAINER_CREDENTIALS_FULL_URI: `${url}${credentialPath(first.name)}`,
    AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: tokenFile,
    ...(first.region === undefined
      ? {}
      : { AWS_REGION: first.region, AWS_DEFAULT_REGION: first.region }),
  }
}

function profile({ name, region }: GrantedTarget): string {
  const process_ = `credential_process = "${process.execPath}" "${BIN}" aws-credentials --target ${name}`
  return `[profile ${name}]\n${process_}\n${region === undefined ? '' : `region = ${region}\n`}`
}
