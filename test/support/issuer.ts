import {
  createHmac,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign as signBytes,
} from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { calculateJwkThumbprint, exportJWK, type JWK } from 'jose'

export interface SigningKey {
  readonly alg: 'ES256' | 'RS256' | 'EdDSA'
  readonly kid: string
  readonly private: KeyObject
  readonly jwk: JWK
}

/** A fresh key pair; its id is its thumbprint unless a test wants another. */
export async function signingKey(
  alg: SigningKey['alg'] = 'ES256',
  kid?: string,
): Promise<SigningKey> {
  const pair = {
    ES256: () => generateKeyPairSync('ec', { namedCurve: 'P-256' }),
    RS256: () => generateKeyPairSync('rsa', { modulusLength: 2048 }),
    EdDSA: () => generateKeyPairSync('ed25519'),
  }[alg]()
  const jwk = await exportJWK(pair.publicKey)
  const id = kid ?? (await calculateJwkThumbprint(jwk))
  return { alg, kid: id, private: pair.privateKey, jwk: { ...jwk, kid: id, use: 'sig' } }
}

/** How to make the third part of a token; `key` is the honest way. */
export type Signature =
  | { readonly key: SigningKey }
  | { readonly hmac: string | Buffer }
  | { readonly text: string }

/** A compact JWS from texts, so that a test can sign what no honest library would. */
export function compact(header: string, payload: string, signature: Signature): string {
  const input = `${encode(header)}.${encode(payload)}`
  return `${input}.${signatureOf(input, signature)}`
}

export function sign(
  key: SigningKey,
  payload: Record<string, unknown>,
  header: Record<string, unknown> = {},
): string {
  const full = { alg: key.alg, kid: key.kid, typ: 'JWT', ...header }
  return compact(JSON.stringify(full), JSON.stringify(payload), { key })
}

function encode(text: string): string {
  return Buffer.from(text).toString('base64url')
}

function signatureOf(input: string, signature: Signature): string {
  if ('text' in signature) return signature.text
  if ('hmac' in signature) {
    return createHmac('sha256', signature.hmac).update(input).digest('base64url')
  }
  const { alg, private: key } = signature.key
  const hash = alg === 'EdDSA' ? null : 'sha256'
  return signBytes(hash, Buffer.from(input), { key, dsaEncoding: 'ieee-p1363' }).toString(
    'base64url',
  )
}

/** The public key as PEM: what an attacker feeds to HMAC. */
export function publicPem(key: SigningKey): string {
  return createPublicKey(key.private).export({ type: 'spki', format: 'pem' }).toString()
}

export type Answer = (request: IncomingMessage, response: ServerResponse) => void

/** An HTTP server that publishes keys and can be told to misbehave, path by path. */
export interface TestIssuer {
  readonly url: string
  /** Requests seen, oldest first. */
  readonly requests: string[]
  /** What it answers by path; absent paths answer 404. */
  readonly answers: Map<string, Answer>
  publish(...keys: readonly SigningKey[]): void
  [Symbol.asyncDispose](): Promise<void>
}

/** Starts an issuer on a free loopback port with discovery and the given keys. */
export async function startIssuer(...keys: readonly SigningKey[]): Promise<TestIssuer> {
  const requests: string[] = []
  const answers = new Map<string, Answer>()
  const server = createServer((request, response) => {
    const path = request.url ?? ''
    requests.push(path)
    const answer = answers.get(path) ?? json({ error: 'not found' }, 404)
    answer(request, response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const publish = (...published: readonly SigningKey[]) => {
    answers.set('/jwks', json({ keys: published.map((key) => key.jwk) }))
  }
  answers.set(
    '/.well-known/openid-configuration',
    json({
      issuer: url,
      jwks_uri: `${url}/jwks`,
      id_token_signing_alg_values_supported: ['ES256'],
    }),
  )
  publish(...keys)
  return {
    url,
    requests,
    answers,
    publish,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

export function json(body: unknown, status = 200): Answer {
  return (_request, response) => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
  }
}
