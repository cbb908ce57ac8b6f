import { resolve } from 'node:path'
import type { AnchorConfig, AnchorsConfig } from '../../config/anchors.ts'
import { anchorsSection } from '../../config/anchors.ts'
import { CredctlError, isCredctlError } from '../../errors.ts'
import { openCheckpoint, type SignedCheckpoint } from '../../ledger/checkpoint.ts'
import { cosignaturesOf } from '../../ledger/cosignature.ts'
import type { SeenHead, Verifier } from '../../ledger/verify.ts'
import type { Kept } from '../../publish/anchor.ts'
import { type AnchorSurroundings, anchorsOf } from '../../publish/configured.ts'

/** As many as a reader of a log looks back; each is a signature to verify. */
const NEWEST = 1_000

/** What one anchor knows of the log. */
export interface AnchorEvidence {
  readonly name: string
  readonly heads: readonly SeenHead[]
  /** Checkpoints there that none of the log's keys signed, and records that cannot be read. */
  readonly unusable: number
}

/**
 * Reads anchors back. Only checkpoints that the log signed count; an anchor that cannot be read is
 * an error, because it may be the one that tells. Errors: `unavailable`.
 */
export async function readAnchors(
  origin: string,
  anchors: AnchorsConfig,
  { keys, witnesses }: { keys: readonly Verifier[]; witnesses: readonly Verifier[] },
  surroundings: AnchorSurroundings,
): Promise<readonly AnchorEvidence[]> {
  const opened = anchorsOf({ origin, anchors }, surroundings)
  return await Promise.all(
    opened.map(async ({ name, anchor }) => {
      const { kept, unreadable } = await anchor.read(NEWEST)
      const own = keys.filter((key) => key.name === origin)
      const heads = kept.flatMap((each) => headOf(name, each, own, witnesses))
      return { name, heads, unusable: unreadable + kept.length - heads.length }
    }),
  )
}

function headOf(
  name: string,
  { note, time }: Kept,
  keys: readonly Verifier[],
  witnesses: readonly Verifier[],
): SeenHead[] {
  try {
    const checkpoint = openCheckpoint(note, keys)
    const seen = time ?? cosignedAt(checkpoint, witnesses)
    const by = { kind: 'anchor', name } as const
    const { origin, size, root } = checkpoint
    return [{ origin, size, root, by, ...(seen === undefined ? {} : { time: seen }) }]
  } catch (error) {
    if (isCredctlError(error, 'log_invalid')) return []
    throw error
  }
}

/** A witness says when; the place that only keeps what a broker wrote does not. */
function cosignedAt({ note }: SignedCheckpoint, witnesses: readonly Verifier[]): Date | undefined {
  const times = cosignaturesOf(note, witnesses).map(({ time }) => time.getTime())
  return times.length === 0 ? undefined : new Date(Math.min(...times))
}

/** `file:PATH`, `git:DIRECTORY[#BRANCH]` or `s3://BUCKET/PREFIX?region=REGION`. Throws `usage`. */
export function parseAnchors(texts: readonly string[]): AnchorsConfig {
  const named = texts.map((text) => [text, anchorIn(text)])
  return Object.fromEntries(named) as AnchorsConfig
}

function anchorIn(text: string): AnchorConfig {
  const parsed = anchorsSection.safeParse({ given: sectionOf(text) })
  const anchor = parsed.success ? parsed.data['given'] : undefined
  if (anchor !== undefined) return anchor
  throw new CredctlError('usage', `${JSON.stringify(text)} is not an anchor`, {
    hint: 'Expected file:PATH, git:DIRECTORY[#BRANCH] or s3://BUCKET/PREFIX/?region=REGION.',
  })
}

function sectionOf(text: string): object | undefined {
  const [, kind, rest = ''] = /^(file|git|s3):(.+)$/s.exec(text) ?? []
  if (kind === 'file') return { file: { path: resolve(rest) } }
  if (kind === 'git') {
    const [directory = '', branch] = rest.split('#')
    return { git: { directory: resolve(directory), ...(branch === undefined ? {} : { branch }) } }
  }
  const url = kind === 's3' ? URL.parse(text) : null
  if (url === null) return undefined
  const { hostname: bucket, pathname, searchParams } = url
  const prefix = pathname.replace(/^\//, '')
  const region = searchParams.get('region') ?? ''
  return { s3: { bucket, region, ...(prefix === '' ? {} : { prefix }) } }
}
