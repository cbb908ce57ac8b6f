import { connect, createServer, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'

/** A TCP line to the database that a test can cut at the worst moment. */
export interface CutLine {
  readonly port: number
  /** The next request whose bytes contain `text` is delivered; its answer never comes. */
  cutAnswerTo(text: string): Promise<void>
  /** The next request whose bytes contain `text` is not delivered. */
  cutRequest(text: string): Promise<void>
  /** Nothing passes any more, in either direction, and nobody is told. */
  freeze(): void
}

export async function cutLineTo(port: number): Promise<CutLine> {
  const rule: { text?: string; deliver?: boolean; done?: () => void; frozen?: boolean } = {}
  const sockets = new Set<Socket>()
  const server = createServer((client) => {
    const upstream = connect(port, '127.0.0.1')
    const both = [client, upstream]
    let cut = false
    for (const socket of both) {
      sockets.add(socket)
      socket.on('error', () => undefined)
      socket.on('close', () => {
        sockets.delete(socket)
        for (const each of both) each.destroy()
      })
    }
    client.on('data', (bytes) => {
      if (rule.frozen === true) return
      const hit = rule.text !== undefined && bytes.includes(rule.text)
      if (hit) {
        cut = true
        delete rule.text
        rule.done?.()
      }
      if (hit && rule.deliver !== true) client.destroy()
      else upstream.write(bytes)
    })
    upstream.on('data', (bytes) => {
      if (rule.frozen === true) return
      if (cut) client.destroy()
      else client.write(bytes)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
  const on = (text: string, deliver: boolean) =>
    new Promise<void>((done) => Object.assign(rule, { text, deliver, done }))
  return {
    port: (server.address() as { port: number }).port,
    cutAnswerTo: (text) => on(text, true),
    cutRequest: (text) => on(text, false),
    freeze: () => {
      rule.frozen = true
    },
  }
}
