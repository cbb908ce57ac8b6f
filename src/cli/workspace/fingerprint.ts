import { scrypt } from 'node:crypto'

/** scrypt with these takes some 30 ms (RFC 7914): guessing passwords through it is slow as well. */
const COST = { N: 2 ** 14, r: 8, p: 1 } as const
const BYTES = 6

/**
 * Twelve hex digits that are equal for equal secrets, in every file and every run: to tell that two
 * places hold the same, and to accept a find without writing the secret down. Never a plain hash: a
 * short password could be tried against that by the million.
 */
export async function fingerprint(secret: string): Promise<string> {
  const bytes = await new Promise<Buffer>((resolve, reject) => {
    scrypt(secret, 'credctl doctor workspace', BYTES, COST, (error, key) => {
      if (error === null) resolve(key)
      else reject(error)
    })
  })
  return bytes.toString('hex')
}
