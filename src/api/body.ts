import type { Context } from 'hono'
import { CredctlError } from '../errors.ts'
import { findAmbiguity } from '../identity/strict-json.ts'
import type { ApiEnv } from './parts.ts'

/** An identity token and a task fit many times; nothing else is ever sent. */
export const MAX_BODY_BYTES = 64 * 1024

/**
 * The body as text, read no further than the limit whatever its length header says. Endpoints that
 * take no body never read one. Errors: `media_type_unsupported`, `request_too_large`,
 * `request_invalid` for what is not UTF-8.
 */
export async function readBody(context: Context<ApiEnv>, type: string): Promise<string> {
  requireType(context, type)
  if (Number(context.req.header('content-length') ?? 0) > MAX_BODY_BYTES) throw tooLarge()
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of context.req.raw.body ?? []) {
    size += chunk.byteLength
    if (size > MAX_BODY_BYTES) throw tooLarge()
    chunks.push(chunk)
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks))
  } catch {
    throw new CredctlError('request_invalid', 'the body is not UTF-8')
  }
}

/**
 * JSON that every parser reads alike, or undefined: what a gateway before us looked at must be what
 * we decide about.
 */
export function parseUnambiguous(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text)
    return findAmbiguity(text) === undefined ? value : undefined
  } catch {
    return undefined
  }
}

function requireType(context: Context<ApiEnv>, wanted: string): void {
  const type = context.req.header('content-type')?.split(';')[0]?.trim().toLowerCase()
  if (type === wanted) return
  throw new CredctlError('media_type_unsupported', 'the body has another type than this takes', {
    hint: `Send Content-Type: ${wanted}`,
  })
}

function tooLarge(): CredctlError {
  const limit = `${MAX_BODY_BYTES / 1024} KiB`
  return new CredctlError('request_too_large', `the body is larger than ${limit}`)
}
