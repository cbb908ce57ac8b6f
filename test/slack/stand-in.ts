import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

/** One call of the Web API. */
export interface Call {
  readonly method: string
  readonly authorization: string | undefined
  readonly body: Readonly<Record<string, unknown>>
}

export interface StandInSlack {
  readonly api: string
  readonly calls: Call[]
  /** What it answers from now on: `ok`, an error as Slack names it, or another status with HTML. */
  answer: 'ok' | { readonly error: string } | { readonly status: number }
  close(): Promise<void>
}

/** Speaks the three methods of Slack's Web API that are used, as Slack documents them. */
export async function startSlack(): Promise<StandInSlack> {
  const slack: { -readonly [K in keyof StandInSlack]: StandInSlack[K] } = {
    api: '',
    calls: [],
    answer: 'ok',
    close: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    const method = request.url?.slice('/api/'.length) ?? ''
    const body = JSON.parse(Buffer.concat(chunks).toString())
    slack.calls.push({ method, authorization: request.headers.authorization, body })
    const { answer } = slack
    if (answer !== 'ok' && 'status' in answer) {
      response.writeHead(answer.status, { 'content-type': 'text/html' }).end('<html>')
      return
    }
    const ts = `1763726400.${String(slack.calls.length).padStart(6, '0')}`
    response.setHeader('content-type', 'application/json; charset=utf-8')
    response.end(JSON.stringify(answer === 'ok' ? { ok: true, ts } : { ok: false, ...answer }))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  slack.api = `http://127.0.0.1:${(server.address() as AddressInfo).port}/api`
  return slack
}
