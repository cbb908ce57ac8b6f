import type { Answer, Request, Send } from './send.ts'

/** The pair of keys that grants are bound to. ES256; the private key never leaves the runtime. */
export interface ProofKey {
  readonly publicKey: InstanceType<typeof CryptoKey>
  readonly privateKey: InstanceType<typeof CryptoKey>
}

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256' } as const
const SIGNATURE = { name: 'ECDSA', hash: 'SHA-256' } as const

export async function createProofKey(): Promise<ProofKey> {
  return await crypto.subtle.generateKey(ALGORITHM, false, ['sign', 'verify'])
}

/** Sends requests with proofs of possession (RFC 9449 §4) by one key. */
export class Possession {
  readonly #key: Promise<ProofKey>
  #nonce: string | undefined

  constructor(key: Promise<ProofKey>) {
    this.#key = key
    // Awaited with the first request, which is where a failure is reported.
    key.catch(() => undefined)
  }

  /** Once more with the nonce that the broker demands, if it does (RFC 9449 §8). */
  async send(send: Send, request: Request, token: string | undefined): Promise<Answer> {
    const known = this.#nonce
    const answer = await this.#sendOnce(send, request, token)
    const isDemand = answer.status === 400 || answer.status === 401
    if (!isDemand || answer.nonce === undefined || answer.nonce === known) return answer
    return await this.#sendOnce(send, request, token)
  }

  async #sendOnce(send: Send, request: Request, token: string | undefined): Promise<Answer> {
    const dpop = await this.#proof(request, token)
    const answer = await send({ ...request, headers: { ...request.headers, dpop } })
    this.#nonce = answer.nonce ?? this.#nonce
    return answer
  }

  async #proof({ method, url }: Request, token: string | undefined): Promise<string> {
    const { publicKey, privateKey } = await this.#key
    const { kty, crv, x, y } = await crypto.subtle.exportKey('jwk', publicKey)
    const header = { typ: 'dpop+jwt', alg: 'ES256', jwk: { kty, crv, x, y } }
    const payload = {
      jti: crypto.randomUUID(),
      htm: method,
      htu: `${url.origin}${url.pathname}`,
      iat: Math.floor(Date.now() / 1000),
      ...(this.#nonce === undefined ? {} : { nonce: this.#nonce }),
      ...(token === undefined ? {} : { ath: base64url(await sha256(token)) }),
    }
    const signed = `${encoded(header)}.${encoded(payload)}`
    const signature = await crypto.subtle.sign(SIGNATURE, privateKey, utf8(signed))
    return `${signed}.${base64url(signature)}`
  }
}

async function sha256(text: string): Promise<ArrayBuffer> {
  return await crypto.subtle.digest('SHA-256', utf8(text))
}

function utf8(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text)
}

function encoded(value: unknown): string {
  return base64url(utf8(JSON.stringify(value)).buffer)
}

function base64url(bytes: ArrayBuffer): string {
  const binary = String.fromCharCode(...new Uint8Array(bytes))
  return btoa(binary).replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '')
}
