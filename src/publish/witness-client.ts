import { isCredctlError } from '../errors.ts'
import { openCosignature } from '../ledger/cosignature.ts'
import { parseNote } from '../ledger/note.ts'
import type { Submission, Witness, WitnessAnswer, WitnessFailure } from './witness.ts'

const TIMEOUT_MS = 5_000
/** Several cosignatures of the larger kind. */
const MAX_BYTES = 64 * 1024
const SIZE_TYPE = 'text/x.tlog.size'
/** A cosignature says "now": clocks of others may differ from ours by this much. */
const CLOCK_SLACK_MS = 600_000

export interface ExchangeParts {
  readonly now: () => Date
  readonly fetcher?: typeof fetch
  readonly timeoutMs?: number
}

/**
 * Asks a witness for its cosignature: `POST …/add-checkpoint` (C2SP tlog-witness). The witness is
 * not trusted: it is bounded in time and size, sends us nowhere else, and only a cosignature that
 * verifies counts. Never throws.
 */
export async function addCheckpoint(
  witness: Witness,
  submission: Submission,
  { now, fetcher = fetch, timeoutMs = TIMEOUT_MS }: ExchangeParts,
): Promise<WitnessAnswer> {
  try {
    const response = await fetcher(`${witness.url}/add-checkpoint`, {
      method: 'POST',
      headers: { 'content-type': 'text/plain; charset=utf-8' },
      body: submissionText(submission),
      redirect: 'manual',
      signal: AbortSignal.timeout(timeoutMs),
    })
    const body = await readBounded(response)
    if (body === undefined) return failed('too_large')
    if (response.status === 200) return readCosignature(witness, submission, body, now())
    if (response.status === 409) {
      return readSize(response.headers.get('content-type'), body, submission)
    }
    return failed(REFUSALS[response.status] ?? (isRedirect(response) ? 'redirected' : 'refused'))
  } catch (error) {
    return failed(isTimeout(error) ? 'timeout' : 'unreachable')
  }
}

const REFUSALS: Readonly<Record<number, WitnessFailure>> = {
  400: 'bad_request',
  403: 'key_unknown',
  404: 'log_unknown',
  422: 'proof_refused',
}

export function submissionText({ old, proof, checkpoint }: Submission): string {
  const lines = proof.map((hash) => `${hash.toString('base64')}\n`).join('')
  return `old ${old}\n${lines}\n${checkpoint}`
}

/** One or more signature lines; those of unknown keys are ignored. */
function readCosignature(
  witness: Witness,
  { checkpoint }: Submission,
  body: Buffer,
  now: Date,
): WitnessAnswer {
  const { text } = parseNote(checkpoint)
  const lines = signatureLines(body)
  if (lines === undefined) return failed('malformed')
  const { name, keyId } = witness.key
  const signature = lines.find((line) => line.name === name && line.keyId === keyId)
  if (signature === undefined) return failed('not_cosigned')
  try {
    const { time } = openCosignature(witness.key, text, signature)
    const isNow = Math.abs(time.getTime() - now.getTime()) <= CLOCK_SLACK_MS
    return isNow ? { outcome: 'cosigned', signature, time } : failed('wrong_time')
  } catch (error) {
    if (isCredctlError(error, 'log_invalid')) return failed('forged')
    throw error
  }
}

function signatureLines(body: Buffer) {
  // Anything before the lines could pass for the text that they sign.
  if (body.includes('\n\n') || !body.subarray(0, 3).equals(Buffer.from('—'))) return undefined
  try {
    return parseNote(Buffer.concat([Buffer.from('x\n\n'), body])).signatures
  } catch (error) {
    if (isCredctlError(error, 'log_invalid')) return undefined
    throw error
  }
}

function readSize(type: string | null, body: Buffer, { old }: Submission): WitnessAnswer {
  // Older witnesses answer like this when the size is right and the root is another.
  if (type?.split(';')[0]?.trim() !== SIZE_TYPE) return failed('remembers_otherwise')
  const [, digits = ''] = /^(0|[1-9]\d{0,15})\n$/.exec(body.toString('latin1')) ?? []
  const size = Number(digits)
  if (digits === '' || !Number.isSafeInteger(size)) return failed('malformed')
  return size === old ? failed('remembers_otherwise') : { outcome: 'elsewhere', size }
}

async function readBounded(response: Response): Promise<Buffer | undefined> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of response.body ?? []) {
    size += chunk.length
    if (size > MAX_BYTES) return undefined
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

function isRedirect({ status }: Response): boolean {
  return status >= 300 && status < 400
}

function isTimeout(error: unknown): boolean {
  return error instanceof Error && error.name === 'TimeoutError'
}

function failed(why: WitnessFailure): WitnessAnswer {
  return { outcome: 'failed', why }
}
