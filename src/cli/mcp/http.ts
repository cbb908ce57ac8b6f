import { createServer as createHttpServer, type Server } from 'node:http'
import { getRequestListener } from '@hono/node-server'
import {
  createMcpHandler,
  type McpServer,
  originValidationResponse,
} from '@modelcontextprotocol/server'
import { CredctlError } from '../../errors.ts'
import { sameText } from '../exec/loopback.ts'

const HOST = '127.0.0.1'
const PATH = '/mcp'
const MAX_BODY = 256 * 1024

/**
 * Streamable HTTP on this machine, for whoever has the token. A page whose name was pointed here
 * names another host (DNS rebinding), and one that does not comes from another origin.
 */
export async function serveHttp(
  port: number,
  token: string,
  create: () => McpServer,
): Promise<Server> {
  const handler = createMcpHandler(create, { maxRequestBodySize: MAX_BODY })
  const server = createHttpServer(
    getRequestListener(
      async (request) => refusalOf(request, port, token) ?? handler.fetch(request),
    ),
  )
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(port, HOST, resolve)
  }).catch((cause: unknown) => {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown'
    throw new CredctlError('unavailable', `port ${port} of ${HOST} cannot be used: ${code}`, {
      cause,
      hint: 'Choose another one with --port.',
    })
  })
  return server
}

function refusalOf(request: Request, port: number, token: string): Response | undefined {
  const { headers, url } = request
  const names = [`${HOST}:${port}`, `localhost:${port}`]
  if (!names.includes(headers.get('host') ?? '')) return refused(403, 'another host is named')
  const foreign = originValidationResponse(request, [HOST, 'localhost'])
  if (foreign !== undefined) return refused(403, 'the request comes from another origin')
  if (!sameText(headers.get('authorization') ?? '', `Bearer ${token}`)) {
    return refused(401, 'the token is missing or wrong', { 'www-authenticate': 'Bearer' })
  }
  return new URL(url).pathname === PATH ? undefined : refused(404, `the endpoint is ${PATH}`)
}

function refused(status: number, message: string, headers: Record<string, string> = {}): Response {
  return Response.json({ error: message }, { status, headers })
}
