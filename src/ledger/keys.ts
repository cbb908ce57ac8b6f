import { generateKeyPairSync } from 'node:crypto'
import { mkdir, open, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { CredctlError } from '../errors.ts'
import { Secret } from '../secret/secret.ts'

/**
 * The PKCS #8 PEM of an Ed25519 key kept in a file, made on first use: 0600 in a 0700 directory.
 * A key that is there is never replaced. Errors: `secret_unresolvable`.
 */
export async function keptKey(directory: string, name: string): Promise<Secret<string>> {
  const file = join(directory, `${name}.pem`)
  await mkdir(directory, { recursive: true, mode: 0o700 })
  try {
    // `wx` fails when the file exists, so that two brokers starting at once agree on one key.
    const handle = await open(file, 'wx', 0o600)
    const { privateKey } = generateKeyPairSync('ed25519')
    await handle.writeFile(privateKey.export({ type: 'pkcs8', format: 'pem' }))
    await handle.sync()
    await handle.close()
  } catch (cause) {
    if (!exists(cause)) {
      throw new CredctlError('secret_unresolvable', `${file} cannot be made`, { cause })
    }
  }
  return new Secret(await readFile(file, 'utf8'))
}

function exists(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EEXIST'
}
