import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { CredctlError } from '../../errors.ts'

/** A listener on this machine for programs that were given its token. */
export interface Loopback {
  /** `http://127.0.0.1:PORT`, without a trailing slash. */
  readonly url: string
  /** What `Authorization` must hold, word for word: a secret. */
  readonly authorization: string
  close(): void
}

export interface LocalAnswer {
  readonly status: number
  /** JSON. */
  readonly body: string
}

/** Gives undefined for what it does not serve. Must not throw. */
export type LocalHandler = (method: string, path: string) => Promise<LocalAnswer | undefined>

const HOST = '127.0.0.1'
/** Nobody here is slow: who does not finish a request is up to something. */
const LIMITS = { headersTimeout: 5_000, requestTimeout: 5_000, maxHeaderSize: 8 * 1024 }
const MAX_CONNECTIONS = 256

/**
 * Serves on a port of the system's choice, to whoever names this very address and knows a random
 * token. The first rules out pages of other origins whose name was pointed here (DNS rebinding), the
 * second every other user of the machine. Error: `unavailable` when there is no port.
 */
export async function listenLocally(handle: LocalHandler): Promise<Loopback> {
  const authorization = `Bearer ${randomBytes(32).toString('base64url')}`
  const server = createServer(LIMITS, (request, response) => {
    void respond(request, response, { authorization, host: hostOf(server), handle })
  })
  server.maxConnections = MAX_CONNECTIONS
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(0, HOST, resolve)
  }).catch((cause: unknown) => {
    throw new CredctlError('unavailable', 'no port of this machine is free', { cause })
  })
  return {
    url: `http://${hostOf(server)}`,
    authorization,
    close: () => {
      server.close()
      server.closeAllConnections()
    },
  }
}

function hostOf(server: ReturnType<typeof createServer>): string {
  return `${HOST}:${(server.address() as AddressInfo | null)?.port}`
}

async function respond(
  request: IncomingMessage,
  response: ServerResponse,
  local: Pick<Loopback, 'authorization'> & { readonly host: string; readonly handle: LocalHandler },
): Promise<void> {
  request.resume()
  const refusal = refusalOf(request, local)
  const { method = '', url = '' } = request
  const { status, body } = refusal ?? (await local.handle(method, url)) ?? NOT_HERE
  response
    .writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' })
    .end(body)
}

const NOT_HERE = localError(404, 'not_found', 'there is nothing of that name here')

function refusalOf(
  { headers }: IncomingMessage,
  { authorization, host }: { readonly authorization: string; readonly host: string },
): LocalAnswer | undefined {
  if (headers.host !== host) {
    return localError(403, 'request_invalid', 'the request names another host')
  }
  // No program with the token is a page in a browser.
  if (headers.origin !== undefined || headers['sec-fetch-site'] !== undefined) {
    return localError(403, 'request_invalid', 'browsers have no business here')
  }
  if (!sameText(headers.authorization ?? '', authorization)) {
    return localError(401, 'token_missing', 'the request has no valid token')
  }
  return undefined
}

/** In the form that AWS SDKs read the errors of a container endpoint in. */
export function localError(status: number, code: string, message: string): LocalAnswer {
  return { status, body: JSON.stringify({ Code: code, Message: message }) }
}

/** Takes as long whether they differ or where. */
export function sameText(a: string, b: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(a), digest(b))
}
