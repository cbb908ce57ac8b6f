import { createHash, timingSafeEqual } from 'node:crypto'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { CredctlError } from '../../errors.ts'

const HOST = '127.0.0.1'
const PATH = '/callback'

/** Where a browser brings the provider's answer (RFC 8252 section 7.3). */
export interface Loopback {
  readonly redirectUri: string
  /** The address that the browser was sent to. Error: `unavailable` when nobody comes in time. */
  readonly answer: Promise<URL>
  close(): void
}

/**
 * Listens on the loopback interface, on `port` or a free one, for the one answer that carries
 * `state`. Every page that the browser shows can send requests here, so anything else is turned
 * away and the wait goes on. The caller closes it. Error: `usage` when the port is taken.
 */
export async function listenForAnswer(
  state: string,
  { port, timeoutMs }: { readonly port: number; readonly timeoutMs: number },
): Promise<Loopback> {
  const server = createServer()
  await listen(server, port)
  const host = `${HOST}:${(server.address() as AddressInfo).port}`
  const close = () => {
    server.close()
    server.closeAllConnections()
  }
  return {
    redirectUri: `http://${host}${PATH}`,
    answer: firstAnswer(server, host, state, timeoutMs),
    close,
  }
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause) => {
      const hint = 'Give another --port that the identity provider knows, or none for a free one.'
      const message = `port ${port} of ${HOST} cannot be listened on`
      reject(new CredctlError('usage', message, { hint, cause }))
    })
    server.listen(port, HOST, resolve)
  })
}

function firstAnswer(server: Server, host: string, state: string, timeoutMs: number): Promise<URL> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      const message = `nobody signed in within ${Math.round(timeoutMs / 1000)} s`
      reject(new CredctlError('unavailable', message))
    }, timeoutMs)
    server.on('close', () => clearTimeout(timer))
    server.on('request', (request, response) => {
      const { status, text, url } = judge(request, host, state)
      response.writeHead(status, HEADERS).end(`${text}\n`)
      if (url !== undefined) response.once('close', () => resolve(url))
    })
  })
}

const HEADERS = {
  'content-type': 'text/plain; charset=utf-8',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'cache-control': 'no-store',
  connection: 'close',
}

interface Judgement {
  readonly status: number
  readonly text: string
  readonly url?: URL
}

/** A name that resolves to us but is not ours is a page rebinding its host; so the name must fit. */
function judge(
  { method, url: target = '', headers }: IncomingMessage,
  host: string,
  state: string,
): Judgement {
  if (headers.host !== host) return { status: 421, text: 'This address is not known here.' }
  const address = `http://${host}${target}`
  const url = target.startsWith('/') && URL.canParse(address) ? new URL(address) : undefined
  if (url?.pathname !== PATH) return { status: 404, text: 'There is nothing here.' }
  if (method !== 'GET') return { status: 405, text: 'Only GET is answered here.' }
  if (!carries(url, state)) return { status: 400, text: 'No sign-in is waiting for this answer.' }
  return {
    status: 200,
    text: 'Back to the terminal: credctl has the answer. This page can be closed.',
    url,
  }
}

function carries({ searchParams }: URL, state: string): boolean {
  const [given, ...more] = searchParams.getAll('state')
  return given !== undefined && more.length === 0 && timingSafeEqual(digest(given), digest(state))
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
