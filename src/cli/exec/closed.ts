import type { PrivateDirectory } from './private-directory.ts'

/**
 * Where tools look when no variable gives them a credential: at nothing, instead of at what the user
 * of this machine has at home.
 */
export async function closeDefaults(directory: PrivateDirectory): Promise<Record<string, string>> {
  const empty = await directory.write('empty', '')
  const nowhere = await directory.subdirectory('nowhere')
  return {
    AWS_CONFIG_FILE: empty,
    AWS_SHARED_CREDENTIALS_FILE: empty,
    AWS_EC2_METADATA_DISABLED: 'true',
    AZURE_CONFIG_DIR: nowhere,
    BOTO_CONFIG: empty,
    CLOUDSDK_CONFIG: nowhere,
    GH_CONFIG_DIR: nowhere,
    KUBECONFIG: empty,
  }
}
