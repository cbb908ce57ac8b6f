import type { Context } from 'hono'
import { CredctlError } from '../../errors.ts'
import { parseTilePath } from '../../ledger/tile.ts'
import type { ApiEnv, ApiParts } from '../parts.ts'

const IMMUTABLE = 'public, max-age=31536000, immutable'

/** `GET /log/checkpoint`: the newest signed checkpoint. Anyone may read the log's proofs. */
export function checkpointEndpoint(parts: ApiParts) {
  return async (context: Context<ApiEnv>) => {
    const checkpoint = await parts.log.checkpoint()
    return context.body(Buffer.from(checkpoint), 200, {
      'content-type': 'text/plain; charset=utf-8',
      'cache-control': 'public, max-age=1',
    })
  }
}

/** `GET /log/tile/…` (C2SP tlog-tiles): hashes and entries, cacheable for ever. */
export function tileEndpoint(parts: ApiParts) {
  return async (context: Context<ApiEnv>) => {
    const bytes = await tileBytes(parts, context.req.path.replace(/^\/log\//, ''))
    if (bytes === undefined) throw new CredctlError('not_found', 'the log has no such tile')
    return context.body(Buffer.from(bytes), 200, {
      'content-type': 'application/octet-stream',
      'cache-control': IMMUTABLE,
    })
  }
}

async function tileBytes({ log }: ApiParts, path: string): Promise<Uint8Array | undefined> {
  const wanted = parseTilePath(path)
  if (wanted === undefined) return undefined
  if (wanted.kind === 'tile') return await log.tile(wanted.level, wanted.index, wanted.width)
  return await log.entries(wanted.index, wanted.width)
}
