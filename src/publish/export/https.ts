import type { Secret } from '../../secret/secret.ts'
import type { Send } from './export.ts'

/** Why a receiver did not take a batch: a closed set, for metrics. */
export type SendFailure = 'timeout' | 'unreachable' | 'redirected' | 'busy' | 'refused'

export class SendError extends Error {
  readonly why: SendFailure

  constructor(why: SendFailure, status?: number) {
    super(status === undefined ? why : `${why} (status ${status})`)
    this.name = 'SendError'
    this.why = why
  }
}

export interface HttpsParts {
  readonly url: string
  readonly token?: () => Promise<Secret<string>>
  readonly timeoutMs: number
  /** Aborts a request that is under way. */
  readonly stopped: AbortSignal
}

/**
 * Posts batches. The receiver is not trusted: it is bounded in time, sends neither entries nor the
 * token elsewhere, and what it answers beyond the status is not read. Throws `SendError`.
 */
export function httpsSend({ url, token, timeoutMs, stopped }: HttpsParts): Send {
  return async ({ type, body }) => {
    const bearer = token && { authorization: `Bearer ${(await token()).reveal()}` }
    const signal = AbortSignal.any([stopped, AbortSignal.timeout(timeoutMs)])
    const headers = { 'content-type': type, ...bearer }
    const request = { method: 'POST', headers, body, redirect: 'manual', signal } as const
    const response = await fetch(url, request).catch((error: unknown) => {
      throw new SendError(isTimeout(error) ? 'timeout' : 'unreachable')
    })
    await response.body?.cancel().catch(() => undefined)
    const { status } = response
    if (status >= 200 && status < 300) return
    if (status >= 300 && status < 400) throw new SendError('redirected', status)
    throw new SendError(status === 429 || status >= 500 ? 'busy' : 'refused', status)
  }
}

function isTimeout(error: unknown): boolean {
  return error instanceof DOMException && error.name === 'TimeoutError'
}
