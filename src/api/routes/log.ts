import type { Context } from 'hono'
import { CredctlError } from '../../errors.ts'
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
    const wanted = parseTilePath(context.req.path.replace(/^.*?\/log\/tile\//, ''))
    const bytes =
      wanted === undefined
        ? undefined
        : wanted.level === 'entries'
          ? await parts.log.entries(wanted.index, wanted.width)
          : await parts.log.tile(wanted.level, wanted.index, wanted.width)
    if (bytes === undefined) throw new CredctlError('not_found', 'the log has no such tile')
    return context.body(Buffer.from(bytes), 200, {
      'content-type': 'application/octet-stream',
      'cache-control': IMMUTABLE,
    })
  }
}

interface WantedTile {
  readonly level: number | 'entries'
  readonly index: number
  readonly width: number
}

const TILE =
  /^(entries|[0-9]|[1-5][0-9]|6[0-3])\/((?:x[0-9]{3}\/){0,4}[0-9]{3})(?:\.p\/([1-9][0-9]{0,2}))?$/

/** `0/x001/234.p/17` → level 0, tile 1234, the first 17 hashes. */
export function parseTilePath(path: string): WantedTile | undefined {
  const [, level, groups, width] = TILE.exec(path) ?? []
  if (level === undefined || groups === undefined) return undefined
  const index = Number(groups.replaceAll(/[x/]/g, ''))
  // `x000/…` would be a second spelling of a shorter path.
  if (groups.startsWith('x000')) return undefined
  const partial = width === undefined ? 256 : Number(width)
  if (width !== undefined && partial > 255) return undefined
  return { level: level === 'entries' ? level : Number(level), index, width: partial }
}
