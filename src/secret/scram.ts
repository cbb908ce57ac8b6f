import { createHash, createHmac, pbkdf2 } from 'node:crypto'
import { promisify } from 'node:util'
import type { Random } from '../clock.ts'
import { Secret } from './secret.ts'

/** A password that nobody chose, and the form in which PostgreSQL may see it. */
export interface LoginSecret {
  readonly password: Secret<string>
  /** `SCRAM-SHA-256$iterations:salt$StoredKey:ServerKey`: safe to send, useless to log in with. */
  readonly verifier: string
}

/** What PostgreSQL itself uses; clients may refuse fewer (RFC 7677, section 4). */
const ITERATIONS = 4096

const VERIFIER = /^SCRAM-SHA-256\$4096:[A-Za-z0-9+/]{22}==\$[A-Za-z0-9+/]{43}=:[A-Za-z0-9+/]{43}=$/

const deriveKey = promisify(pbkdf2)

/** Makes a password of 192 random bits and its verifier (RFC 5802, section 3). */
export async function createLoginSecret(random: Random): Promise<LoginSecret> {
  // ASCII only, so that SASLprep (RFC 4013) changes nothing on either side.
  const password = random(24).toString('base64url')
  const salt = random(16)
  const salted = await deriveKey(password, salt, ITERATIONS, 32, 'sha256')
  const hmac = (text: string) => createHmac('sha256', salted).update(text).digest()
  const stored = createHash('sha256').update(hmac('Client Key')).digest('base64')
  const server = hmac('Server Key').toString('base64')
  const verifier = `SCRAM-SHA-256$${ITERATIONS}:${salt.toString('base64')}$${stored}:${server}`
  return { password: new Secret(password), verifier: checkedVerifier(verifier) }
}

/**
 * The verifier, or an exception. PostgreSQL takes a malformed one for a plain password and hashes
 * it without a word: the login would then have a password that travelled in SQL and into logs.
 */
export function checkedVerifier(text: string): string {
  if (!VERIFIER.test(text)) throw new TypeError('not a SCRAM-SHA-256 verifier')
  return text
}
