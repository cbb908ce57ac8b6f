import { createPrivateKey, type KeyObject } from 'node:crypto'
import { CredctlError } from '../errors.ts'
import type { Secret } from './secret.ts'

/** Reads an Ed25519 private key. The parser's own message may quote the key, so it goes nowhere. */
export function parsePrivateKey(pem: Secret<string>, what: string): KeyObject {
  const key = tryPrivateKey(pem.reveal())
  if (key?.asymmetricKeyType === 'ed25519') return key
  throw new CredctlError('config_invalid', `${what} is not an Ed25519 private key`, {
    hint: 'Expected PKCS #8 PEM, as from: openssl genpkey -algorithm ed25519',
  })
}

function tryPrivateKey(pem: string): KeyObject | undefined {
  try {
    return createPrivateKey(pem)
  } catch {
    return undefined
  }
}
