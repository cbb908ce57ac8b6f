import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createAdaptorServer } from '@hono/node-server'
import type { Hono } from 'hono'
import { CredctlError } from '../errors.ts'
import type { ApiEnv } from './parts.ts'

/** An identity token may be 16 KiB, and it travels in a header. */
const MAX_HEADER_BYTES = 32 * 1024
const HEADERS_TIMEOUT_MS = 10_000
const REQUEST_TIMEOUT_MS = 30_000
/** Connections that wait to be taken; a dropped one is tried again by its sender after a second. */
const BACKLOG = 1_024
/** Requests that are running when a broker stops have this long to finish. */
const GRACE_MS = 5_000

export interface Listening {
  readonly host: string
  readonly port: number
  /** Takes no new requests, lets running ones finish, then cuts what is left. */
  stop(): Promise<void>
}

/** Serves the API. Port 0 takes a free one. Fails with `unavailable` when the address is taken. */
export async function listen(
  app: Hono<ApiEnv>,
  at: { readonly host: string; readonly port: number },
): Promise<Listening> {
  const server = createAdaptorServer({
    fetch: app.fetch,
    overrideGlobalObjects: false,
    serverOptions: {
      maxHeaderSize: MAX_HEADER_BYTES,
      headersTimeout: HEADERS_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
    },
  }) as Server
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => reject(addressProblem(at, cause)))
    server.listen(at.port, at.host, BACKLOG, () => resolve())
  })
  const { port } = server.address() as AddressInfo
  return { host: at.host, port, stop: () => stop(server) }
}

function addressProblem(at: { host: string; port: number }, cause: NodeJS.ErrnoException) {
  const why = cause.code === 'EADDRINUSE' ? 'it is taken' : (cause.code ?? 'unknown reason')
  return new CredctlError('unavailable', `cannot listen on ${at.host}:${at.port}: ${why}`, {
    hint: 'Set listen in credctl.yaml to a free address; port 0 takes any.',
    cause,
  })
}

async function stop(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()))
  server.closeIdleConnections()
  const cut = setTimeout(() => server.closeAllConnections(), GRACE_MS)
  await closed
  clearTimeout(cut)
}
