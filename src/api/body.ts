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
  const bytes = await bytesOf(context)
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw new CredctlError('request_invalid', 'the body is not UTF-8')
  }
}

async function bytesOf({ req }: Context<ApiEnv>): Promise<Uint8Array> {
  const declared = req.header('content-length')
  if (Number(declared ?? 0) > MAX_BODY_BYTES) throw tooLarge()
  // HTTP gives no more than was declared, so only a body of unknown length needs to be counted.
  const bytes =
    declared === undefined ? await counted(req.raw.body) : new Uint8Array(await req.arrayBuffer())
  if (bytes.byteLength > MAX_BODY_BYTES) throw tooLarge()
  return bytes
}

async function counted(body: AsyncIterable<Uint8Array> | null): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of body ?? []) {
    size += chunk.byteLength
    if (size > MAX_BODY_BYTES) throw tooLarge()
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
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
