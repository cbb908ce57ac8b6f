import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { Context } from 'hono'
import { CredctlError } from '../errors.ts'

interface Asset {
  readonly type: string
  readonly bytes: Buffer
  /** Part of its address, so that browsers may keep it for ever. */
  readonly version: string
}

const TYPES = {
  'console.css': 'text/css; charset=utf-8',
  'console.js': 'text/javascript; charset=utf-8',
  'icon.svg': 'image/svg+xml',
} as const
export type AssetName = keyof typeof TYPES

const ASSETS: ReadonlyMap<string, Asset> = new Map(
  Object.entries(TYPES).map(([name, type]): [string, Asset] => {
    const bytes = readFileSync(new URL(`./assets/${name}`, import.meta.url))
    const version = createHash('sha256').update(bytes).digest('hex').slice(0, 16)
    return [name, { type, bytes, version }]
  }),
)

/** Address of a file below the console, as `assets/console.css?v=…`. */
export function assetPath(name: AssetName): string {
  return `assets/${name}?v=${ASSETS.get(name)?.version}`
}

/** `GET /console/assets/{name}`: the only files there are, to anyone. */
export function assetEndpoint(context: Context): Response {
  const asset = ASSETS.get(context.req.param('name') ?? '')
  if (asset === undefined) throw new CredctlError('not_found', 'there is nothing here')
  const fresh = context.req.query('v') === asset.version
  return context.body(new Uint8Array(asset.bytes), 200, {
    'content-type': asset.type,
    'cache-control': fresh ? 'public, max-age=31536000, immutable' : 'no-cache',
  })
}
