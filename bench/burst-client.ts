import { Agent, request } from 'node:http'

/*
 * Offers requests at a fixed rate, whether or not they are answered, from a process of its own.
 * Arguments: URL, body, requests a second, seconds. Prints status, milliseconds
 * and Retry-After of each answer, and the time that all of it took.
 */
const [url = '', body = '', rate = '', seconds = ''] = process.argv.slice(2)
const TICK_MS = 10
/** As a proxy in front of the broker keeps them: a request waits here when all are in use. */
const CONNECTIONS = 1_024
const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS, scheduling: 'fifo' })
const headers = { 'content-type': 'application/x-www-form-urlencoded' }

function post(): Promise<readonly [status: number, milliseconds: number, wait: number]> {
  const started = performance.now()
  return new Promise((resolve, reject) => {
    const sent = request(url, { method: 'POST', agent, headers }, (answer) => {
      const wait = Number(answer.headers['retry-after'] ?? 0)
      answer.resume()
      answer.on('end', () => resolve([answer.statusCode ?? 0, performance.now() - started, wait]))
    })
    sent.on('error', reject)
    sent.end(body)
  })
}

const answers: ReturnType<typeof post>[] = []
const started = performance.now()
await new Promise<void>((resolve) => {
  const timer = setInterval(() => {
    const passed = Math.min(performance.now() - started, Number(seconds) * 1000)
    while (answers.length < (passed * Number(rate)) / 1000) answers.push(post())
    if (passed < Number(seconds) * 1000) return
    clearInterval(timer)
    resolve()
  }, TICK_MS)
})
const all = await Promise.all(answers)
console.log(JSON.stringify({ answers: all, wallMs: performance.now() - started }))
agent.destroy()
