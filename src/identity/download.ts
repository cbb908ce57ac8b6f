import { CredctlError } from '../errors.ts'
import { parseStrictObject } from './strict-json.ts'

const MAX_BYTES = 1024 * 1024

export type Fetch = typeof fetch

export interface Download {
  readonly fetch: Fetch
  /** For the whole exchange, body included. */
  readonly timeoutMs: number
}

export interface Downloaded {
  readonly body: Record<string, unknown>
  /** The server's own clock, as its `Date` header says, to the second. */
  readonly servedAt: Date | undefined
}

/**
 * Fetches a JSON object an issuer publishes. Bounded in time and size, and exactly from the URL
 * given: a redirect is refused, because following one would let whoever answers there aim the
 * broker at addresses only it can reach. Error: `issuer_keys_unavailable`.
 */
export async function downloadJson(
  url: string,
  { fetch, timeoutMs }: Download,
): Promise<Downloaded> {
  try {
    const response = await fetch(url, {
      redirect: 'manual',
      signal: AbortSignal.timeout(timeoutMs),
      headers: { accept: 'application/json, application/jwk-set+json' },
    })
    const body = parseStrictObject(await readBody(response, url), 'answer of the issuer')
    return { body, servedAt: dateOf(response) }
  } catch (cause) {
    throw new CredctlError('issuer_keys_unavailable', `the keys at ${url} cannot be read`, {
      cause,
    })
  }
}

function dateOf(response: Response): Date | undefined {
  const date = new Date(response.headers.get('date') ?? '')
  return Number.isNaN(date.getTime()) ? undefined : date
}

async function readBody(response: Response, url: string): Promise<Buffer> {
  if (response.status === 200) return await readBounded(response, MAX_BYTES)
  await response.body?.cancel()
  throw new Error(`${url} answered ${response.status}; only 200 is accepted, never a redirect`)
}

/** The body, or an error as soon as it is larger than `limit` bytes. */
export async function readBounded(
  { body }: { readonly body: AsyncIterable<Uint8Array> | null },
  limit: number,
): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of body ?? []) {
    chunks.push(chunk)
    size += chunk.byteLength
    // Leaving the loop cancels the stream.
    if (size > limit) throw new Error(`the answer is larger than ${limit} bytes`)
  }
  return Buffer.concat(chunks)
}
