import type { ClientRequest, IncomingMessage, RequestOptions } from 'node:http'
import { CredctlError } from '../../errors.ts'

export interface Request {
  readonly method: 'GET' | 'POST' | 'DELETE'
  readonly url: URL
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

export interface Answer {
  readonly status: number
  readonly body: Buffer
}

const TIMEOUT_MS = 30_000
const MAX_BYTES = 4 * 1024 * 1024

/**
 * One HTTP request, never following a redirect: a token goes to the address it was meant for or
 * nowhere. Built on node:http because loading the global fetch takes longer than most commands run.
 * Fails with `unavailable`.
 */
export async function send({ method, url, headers = {}, body }: Request): Promise<Answer> {
  const request = await requestOf(url)
  const options = { method, headers, signal: AbortSignal.timeout(TIMEOUT_MS) }
  try {
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      request(url, options, resolve).once('error', reject).end(body)
    })
    return { status: response.statusCode ?? 0, body: await readAll(response) }
  } catch (cause) {
    throw new CredctlError('unavailable', `no answer from ${url.origin}: ${reasonOf(cause)}`, {
      cause,
    })
  }
}

type Requester = (
  url: URL,
  options: RequestOptions,
  onResponse: (response: IncomingMessage) => void,
) => ClientRequest

/** TLS takes time to load, and a loopback address does not need it. */
async function requestOf(url: URL): Promise<Requester> {
  const { request } =
    url.protocol === 'https:' ? await import('node:https') : await import('node:http')
  return request
}

async function readAll(response: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of response as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > MAX_BYTES) throw new RangeError(`the answer is larger than ${MAX_BYTES} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown reason'
  if (error.name === 'AbortError') return `nothing within ${TIMEOUT_MS / 1000} s`
  // Several addresses tried in vain are one AggregateError without a message.
  return 'code' in error ? String(error.code) : error.message
}
