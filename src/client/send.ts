import { CredctlError } from '../errors.ts'

export interface Request {
  readonly method: 'GET' | 'POST' | 'DELETE'
  readonly url: URL
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

export interface Answer {
  readonly status: number
  readonly body: string
  /** Of the next proof of possession (RFC 9449 §8). */
  readonly nonce: string | undefined
}

/** One HTTP request, never following a redirect. Fails with `unavailable`. */
export type Send = (request: Request) => Promise<Answer>

export const TIMEOUT_MS = 30_000
export const MAX_BYTES = 4 * 1024 * 1024

/** With the `fetch` that every runtime brings. */
export async function sendByFetch({ method, url, headers = {}, body }: Request): Promise<Answer> {
  try {
    const response = await fetch(url, {
      method,
      headers,
      // With a token in it, a request goes to the address it was meant for or nowhere.
      redirect: 'manual',
      signal: AbortSignal.timeout(TIMEOUT_MS),
      ...(body === undefined ? {} : { body }),
    })
    const nonce = response.headers.get('dpop-nonce') ?? undefined
    return { status: response.status, body: await readAll(response), nonce }
  } catch (cause) {
    throw failure(url, cause)
  }
}

async function readAll({ body }: Response): Promise<string> {
  const decoder = new TextDecoder()
  const reader = body?.getReader()
  let text = ''
  let size = 0
  for (;;) {
    const read = await reader?.read()
    if (read?.value === undefined) return text + decoder.decode()
    size += read.value.length
    if (size > MAX_BYTES) {
      await reader?.cancel()
      throw new RangeError(`the answer is larger than ${MAX_BYTES} bytes`)
    }
    text += decoder.decode(read.value, { stream: true })
  }
}

export function failure({ origin }: URL, cause: unknown): CredctlError {
  return new CredctlError('unavailable', `no answer from ${origin}: ${reasonOf(cause)}`, { cause })
}

/** What failed below `fetch` is the cause of what it throws. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown reason'
  if (error.name === 'TimeoutError' || error.name === 'AbortError') {
    return `nothing within ${TIMEOUT_MS / 1000} s`
  }
  // Several addresses tried in vain are one AggregateError without a message.
  if ('code' in error) return String(error.code)
  return error.cause instanceof Error ? reasonOf(error.cause) : error.message
}
