import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { onTestFinished } from 'vitest'

export interface Receiver {
  readonly url: string
  /** Bodies in the order in which they came. */
  readonly bodies: string[]
  readonly headers: Record<string, string | string[] | undefined>[]
  /** How the next requests are answered; 204 when nothing is left. */
  readonly answers: ((response: ServerResponse) => void)[]
  /** Indexes of all entries of all JSON-line batches. */
  indexes(): number[]
}

/** A receiver of exports that behaves as a test says. Closed after the test. */
export async function startReceiver(): Promise<Receiver> {
  const bodies: string[] = []
  const headers: Receiver['headers'] = []
  const answers: Receiver['answers'] = []
  const server = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk) => {
      body += chunk
    })
    request.on('end', () => {
      bodies.push(body)
      headers.push(request.headers)
      const answer = answers.shift()
      if (answer === undefined) response.writeHead(204).end()
      else answer(response)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  const lines = () => bodies.flatMap((body) => body.trimEnd().split('\n'))
  return {
    url: `http://127.0.0.1:${port}/`,
    bodies,
    headers,
    answers,
    indexes: () => lines().map((line) => JSON.parse(line).index),
  }
}
