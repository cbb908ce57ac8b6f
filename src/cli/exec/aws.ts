import { fileURLToPath } from 'node:url'
import { credentialUrl, type GrantedTarget } from '../broker/grant.ts'
import type { PrivateDirectory } from './private-directory.ts'

interface Source {
  readonly broker: string
  readonly token: string
  readonly targets: readonly GrantedTarget[]
}

const BIN = fileURLToPath(new URL('../../../bin/credctl.js', import.meta.url))

/**
 * Where AWS SDKs find credentials: the first target at the broker's own container-credentials
 * endpoint, which they ask again before each expiry, every target as a profile. The files of the
 * user are out of reach, so that an ended grant does not fall through to somebody's own rights.
 */
export async function deliverAws(
  { broker, token, targets }: Source,
  directory: PrivateDirectory,
): Promise<Record<string, string>> {
  const empty = await directory.write('empty', '')
  const closed = {
    AWS_CONFIG_FILE: await directory.write('aws-config', targets.map(profile).join('\n')),
    AWS_SHARED_CREDENTIALS_FILE: empty,
    BOTO_CONFIG: empty,
    AWS_EC2_METADATA_DISABLED: 'true',
  }
  const [first] = targets
  if (first === undefined) return closed
  return {
    ...closed,
    AWS_CONTAINER_CREDENTIALS_FULL_URI: credentialUrl(broker, first.name).href,
    AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: await directory.write('aws-token', `Bearer ${token}`),
    ...(first.region === undefined
      ? {}
      : { AWS_REGION: first.region, AWS_DEFAULT_REGION: first.region }),
  }
}

function profile({ name, region }: GrantedTarget): string {
  const process_ = `credential_process = "${process.execPath}" "${BIN}" aws-credentials --target ${name}`
  return `[profile ${name}]\n${process_}\n${region === undefined ? '' : `region = ${region}\n`}`
}
