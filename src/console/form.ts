import { createHash, timingSafeEqual } from 'node:crypto'
import { CredctlError } from '../errors.ts'
import type { ConsoleContext, ConsoleParts } from './console.ts'

/** Reasons for approvals and the token of the form; nothing else is ever sent. */
const MAX_FORM_BYTES = 16 * 1024

/** Name of the field that carries the session's own token. */
export const FORM_TOKEN = 'form'

/**
 * The fields of a form that a page of this session sent. A page of anybody else's can neither know
 * the session's token nor look as if it came from here. Error: `request_invalid`, saying no more.
 */
export async function readForm(
  parts: ConsoleParts,
  context: ConsoleContext,
): Promise<ReadonlyMap<string, string>> {
  requireOwnPage(parts, context)
  const fields = await readFields(context)
  if (!isSame(fields.get(FORM_TOKEN), context.get('person').form)) throw foreign()
  return fields
}

/** Every browser that runs this page says where a form comes from, in one of two ways. */
function requireOwnPage({ url }: ConsoleParts, { req }: ConsoleContext): void {
  const origin = req.header('origin')
  const site = req.header('sec-fetch-site')
  const said = origin !== undefined || site !== undefined
  const ours = origin === undefined || origin === new URL(url).origin
  if (said && ours && (site === undefined || site === 'same-origin')) return
  throw foreign()
}

async function readFields({ req }: ConsoleContext): Promise<Map<string, string>> {
  const type = req.header('content-type')?.split(';')[0]?.trim().toLowerCase()
  if (type !== 'application/x-www-form-urlencoded') throw foreign()
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of req.raw.body ?? []) {
    size += chunk.byteLength
    if (size > MAX_FORM_BYTES) throw new CredctlError('request_too_large', 'the form is too large')
    chunks.push(chunk)
  }
  const given = [...new URLSearchParams(Buffer.concat(chunks).toString('utf8'))]
  const fields = new Map(given)
  if (fields.size !== given.length) throw foreign()
  return fields
}

/** Of their digests, which are of one length. */
function isSame(given: string | undefined, wanted: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest()
  return given !== undefined && timingSafeEqual(digest(given), digest(wanted))
}

function foreign(): CredctlError {
  return new CredctlError('request_invalid', 'this form did not come from a page of yours', {
    hint: 'Open the page again and try once more; nothing was done.',
  })
}
