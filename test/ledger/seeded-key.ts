import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto'

/** The Ed25519 key whose seed is 32 times the same byte, as the published vectors use. */
export function seededKey(byte: number): KeyObject {
  const prefix = Buffer.from('302e020100300506032b657004220420', 'hex')
  const der = Buffer.concat([prefix, Buffer.alloc(32, byte)])
  return createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
}

/** The 32 bytes of its public half. */
export function rawKey(byte: number): Buffer {
  const { x = '' } = createPublicKey(seededKey(byte)).export({ format: 'jwk' })
  return Buffer.from(x, 'base64url')
}
