import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { createWorld } from '../examples/tour/world.ts'
import { GRANT_TYPES, TASK_DETAILS_TYPE, TOKEN_TYPES } from '../src/contract.ts'
import { type Row, rowOf } from './row.ts'

const RATE = 2_000
const SECONDS = 5
const SCOPE = 'investigate-billing-spike'

/** A burst of exchanges from another process: what is granted, what is refused, what it costs. */
export async function bench(): Promise<readonly Row[]> {
  const world = await createWorld('task-scopes')
  try {
    const body = formOf(world.tokens.finops)
    await offer(world.url, body, 200, 2)
    const before = process.memoryUsage().rss
    let peak = before
    const watch = setInterval(() => {
      peak = Math.max(peak, process.memoryUsage().rss)
    }, 50)
    const { answers, wallMs } = await offer(world.url, body, RATE, SECONDS)
    clearInterval(watch)
    const grown = Math.round((peak - before) / 1024 ** 2)
    const granted = answers.filter(([status]) => status === 200)
    const refused = answers.filter(([status]) => status !== 200)
    if (refused.some(([status, _, wait]) => ![429, 503].includes(status) || wait < 1)) {
      throw new Error('an answer that neither grants nor says when to try again')
    }
    return [
      row(`granted; the broker grew by ${grown} MB`, granted, wallMs),
      ...(refused.length === 0 ? [] : [row('told to wait', refused, wallMs)]),
    ]
  } finally {
    await world.close()
  }
}

type Sent = readonly [status: number, milliseconds: number, wait: number]

interface Offered {
  readonly answers: readonly Sent[]
  readonly wallMs: number
}

function row(outcome: string, answers: readonly Sent[], wallMs: number): Row {
  const durations = answers.map(([_, milliseconds]) => milliseconds)
  return rowOf(`${RATE}/s offered for ${SECONDS} s: ${outcome}`, durations, wallMs)
}

async function offer(url: string, body: string, rate: number, seconds: number): Promise<Offered> {
  const client = join(import.meta.dirname, 'burst-client.ts')
  const parameters = [client, `${url}/token`, body, String(rate), String(seconds)]
  const { stdout } = await promisify(execFile)(process.execPath, parameters, {
    maxBuffer: 64 * 1024 ** 2,
  })
  return JSON.parse(stdout)
}

function formOf(token: string): string {
  const task = { scope: SCOPE, environment: 'staging', intent: 'bench', parameters: {} }
  return new URLSearchParams({
    grant_type: GRANT_TYPES.exchange,
    subject_token: token,
    subject_token_type: TOKEN_TYPES.jwt,
    authorization_details: JSON.stringify([{ type: TASK_DETAILS_TYPE, ...task }]),
  }).toString()
}
