import type { ClientRequest, IncomingMessage, RequestOptions } from 'node:http'
import { type Answer, failure, MAX_BYTES, type Request, TIMEOUT_MS } from '../../client/send.ts'

/**
 * One HTTP request, never following a redirect: a token goes to the address it was meant for or
 * nowhere. Built on node:http because loading the global fetch takes longer than most commands run.
 * Fails with `unavailable`.
 */
export async function send({ method, url, headers = {}, body }: Request): Promise<Answer> {
  const request = await requestOf(url)
  const sent = { 'user-agent': 'credctl/cli', ...headers }
  const options = { method, headers: sent, signal: AbortSignal.timeout(TIMEOUT_MS) }
  try {
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      request(url, options, resolve).once('error', reject).end(body)
    })
    const nonce = response.headers['dpop-nonce']
    return {
      status: response.statusCode ?? 0,
      body: await readAll(response),
      nonce: typeof nonce === 'string' ? nonce : undefined,
    }
  } catch (cause) {
    throw failure(url, cause)
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

async function readAll(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of response as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > MAX_BYTES) throw new RangeError(`the answer is larger than ${MAX_BYTES} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}
