import { createPublicKey, type KeyObject } from 'node:crypto'
import type { ExportConfig, ExportsConfig } from '../../config/exports.ts'
import { CredctlError } from '../../errors.ts'
import type { ExportCursors } from '../../ledger/export-cursors.ts'
import { parsePrivateKey } from '../../secret/private-key.ts'
import type { ResolveSecret } from '../../secret/resolve.ts'
import type { Cursor } from './export.ts'
import { Exporter, type ExporterParts } from './exporter.ts'
import { formatNamed } from './formats.ts'
import { httpsSend } from './https.ts'

const SEND_MS = 10_000
/** Longer than a batch takes at most: reading it, sending it, saving the cursor. */
const LEASE_MS = 3 * SEND_MS

export interface ConfiguredParts extends Pick<ExporterParts, 'log' | 'clock' | 'onFailure'> {
  readonly cursors: ExportCursors
  readonly resolve: ResolveSecret
  /** Of this process alone. */
  readonly holder: string
  /** The log's own key, which signs nothing but checkpoints. */
  readonly logKey: KeyObject
  readonly stopped: AbortSignal
}

/** Errors: `config_invalid`, `secret_unresolvable`. */
export async function exportersOf(
  config: ExportsConfig,
  parts: ConfiguredParts,
): Promise<readonly Exporter[]> {
  return await Promise.all(
    Object.entries(config).map(async ([name, each]) => {
      const { url, format, token } = each
      const key = await signingKey(name, each, parts)
      return new Exporter({
        ...parts,
        name,
        format: formatNamed(format, key),
        cursor: cursorOf(name, parts),
        send: httpsSend({
          url,
          timeoutMs: SEND_MS,
          stopped: parts.stopped,
          ...(token === undefined ? {} : { token: () => parts.resolve(token) }),
        }),
      })
    }),
  )
}

function cursorOf(name: string, { cursors, holder }: ConfiguredParts): ExporterParts['cursor'] {
  const cursor: Cursor = {
    load: () => cursors.take(name, holder, LEASE_MS),
    async save(next) {
      if (await cursors.save(name, holder, next, LEASE_MS)) return
      // It goes on from before this batch: sent twice, and nothing left out.
      throw new CredctlError('unavailable', 'another broker took the export over')
    },
  }
  return { ...cursor, position: () => cursors.position(name) }
}

/** A key for two kinds of text is one mistake away from signing one as the other. */
async function signingKey(
  name: string,
  { signing_key: reference }: ExportConfig,
  { resolve, logKey }: ConfiguredParts,
): Promise<KeyObject | undefined> {
  if (reference === undefined) return undefined
  const key = parsePrivateKey(await resolve(reference), `exports.${name}.signing_key`)
  if (!createPublicKey(key).equals(createPublicKey(logKey))) return key
  throw new CredctlError('config_invalid', `exports.${name}.signing_key is the key of the log`, {
    hint: 'Make another one: openssl genpkey -algorithm ed25519',
  })
}
