import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'

/** What node-vault hands over for one request. */
export interface WireRequest {
  readonly uri: string
  readonly method: string
  readonly headers: Readonly<Record<string, string>>
  readonly json?: object
  readonly signal: AbortSignal
}

/** What node-vault expects back. */
export interface WireAnswer {
  readonly statusCode: number
  readonly body: unknown
  /** node-vault takes every answer of a path with `sys/health` for success: it gets none. */
  readonly request: { readonly path: '' }
}

export interface Transport {
  send(request: WireRequest): Promise<WireAnswer>
  close(): void
}

/** Answers of Vault that we ask for are a few kilobytes. */
const MAX_BYTES = 1024 * 1024

/** The server said something that Vault does not say: HTML, half a document, too much of it. */
export class NotVault extends Error {}

/**
 * The HTTP side of node-vault, instead of its own: one request to one server, with a deadline and a
 * bound on the answer. Never follows a redirect (the token would go along), never uses a proxy
 * from the environment, and verifies the server's certificate whatever `VAULT_SKIP_VERIFY` says.
 */
export function openTransport(address: string, ca: string | undefined): Transport {
  const secure = address.startsWith('https:')
  const kept = { keepAlive: true, maxSockets: 32, timeout: 60_000 }
  const trust = { rejectUnauthorized: true, minVersion: 'TLSv1.2', ...(ca && { ca }) } as const
  const agent = secure ? new HttpsAgent({ ...kept, ...trust }) : new HttpAgent(kept)
  const open = secure ? httpsRequest : httpRequest
  return {
    send: ({ uri, method, headers, json, signal }) =>
      new Promise((resolve, reject) => {
        if (!uri.startsWith(`${address}/v1/`)) throw new TypeError('a request to another server')
        const body = json === undefined ? undefined : Buffer.from(JSON.stringify(json))
        const sized = body && {
          'content-type': 'application/json',
          'content-length': String(body.length),
        }
        const options = { method, agent, signal, headers: { ...headers, ...sized } }
        const request = open(uri, options, (response) => {
          readAnswer(response).then(resolve, reject)
        })
        request.on('error', reject)
        request.end(body)
      }),
    close: () => agent.destroy(),
  }
}

async function readAnswer(response: IncomingMessage): Promise<WireAnswer> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of response) {
    size += chunk.length
    if (size > MAX_BYTES) {
      response.destroy()
      throw new NotVault(`an answer of more than ${MAX_BYTES} bytes`)
    }
    chunks.push(chunk)
  }
  if (!response.complete) throw new NotVault('an answer that ends too early')
  const statusCode = response.statusCode ?? 0
  return { statusCode, body: bodyOf(response, Buffer.concat(chunks)), request: { path: '' } }
}

/** Undefined for no body and, on a failure, for one that is not JSON: a proxy's error page. */
function bodyOf(response: IncomingMessage, bytes: Buffer): unknown {
  if (bytes.length === 0) return undefined
  const isJson = /^application\/json\b/.test(response.headers['content-type'] ?? '')
  const succeeded = response.statusCode !== undefined && response.statusCode < 300
  if (!isJson && !succeeded) return undefined
  try {
    if (isJson) return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch {}
  throw new NotVault('an answer that is not JSON')
}
