import { CredctlError } from '../errors.ts'
import { cutBundle } from './directory.ts'
import { HASH_BYTES } from './merkle.ts'
import type { LogReader } from './reader.ts'
import { bundlePath, MAX_ENTRY_BYTES, TILE_WIDTH, tilePath } from './tile.ts'

const TIMEOUT_MS = 30_000
/** The largest file a log can have: a full bundle of the largest entries. */
const MAX_BYTES = TILE_WIDTH * (MAX_ENTRY_BYTES + 2)

/**
 * A log behind a URL, such as `https://broker.example/log`. The server is not trusted: it is
 * bounded in time and size, and never sends us elsewhere. Errors: `unavailable`, `not_found`.
 */
export function httpLog(url: string, fetcher: typeof fetch = fetch): LogReader {
  const base = url.replace(/\/+$/, '')
  const get = (path: string) => download(fetcher, `${base}/${path}`)
  return {
    async checkpoint() {
      const bytes = await get('checkpoint')
      if (bytes !== undefined) return bytes
      throw new CredctlError('not_found', `${base} has no checkpoint`)
    },
    async tile(level, index, width) {
      const partial = await get(tilePath({ level, index, width }))
      if (partial !== undefined || width === TILE_WIDTH) return partial
      const full = await get(tilePath({ level, index, width: TILE_WIDTH }))
      return full?.subarray(0, width * HASH_BYTES)
    },
    async entries(index, width) {
      const partial = await get(bundlePath({ index, width }))
      if (partial !== undefined || width === TILE_WIDTH) return partial
      return cutBundle(await get(bundlePath({ index, width: TILE_WIDTH })), width)
    },
  }
}

async function download(fetcher: typeof fetch, url: string): Promise<Uint8Array | undefined> {
  try {
    const signal = AbortSignal.timeout(TIMEOUT_MS)
    const response = await fetcher(url, { redirect: 'error', signal })
    if (response.status === 404) {
      await response.body?.cancel()
      return undefined
    }
    if (!response.ok) throw new Error(`status ${response.status}`)
    return await readBounded(response)
  } catch (cause) {
    throw new CredctlError('unavailable', `${url} cannot be read`, { cause })
  }
}

async function readBounded(response: Response): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of response.body ?? []) {
    size += chunk.length
    if (size > MAX_BYTES) throw new Error('larger than any file of a log')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}
