/** What a handler of the fake answers. */
export interface Reply {
  readonly status: number
  readonly body?: unknown
}

export interface Asked {
  readonly method: string
  readonly path: string
  readonly body: Readonly<Record<string, unknown>>
  readonly token: Token | undefined
  readonly wrapSeconds: number | undefined
}

export interface Token {
  readonly id: string
  readonly accessor: string
  readonly policies: readonly string[]
  readonly displayName: string
  readonly meta: Readonly<Record<string, string>>
  readonly parent: string | undefined
  readonly renewable: boolean
  readonly maxAt: number
  readonly ttlMs: number
  expiresAt: number
}

/** Vault's envelope around what an engine gives. */
export function given(data: unknown, more: object = {}): Reply {
  const nothing = { lease_id: '', renewable: false, lease_duration: 0, wrap_info: null }
  const envelope = { ...nothing, warnings: null, auth: null, request_id: crypto.randomUUID() }
  return { status: 200, body: { ...envelope, data, ...more } }
}

export const DONE: Reply = { status: 204 }

export function failed(status: number, ...errors: string[]): Reply {
  return { status, body: { errors } }
}

export const MISSING = failed(404)
/** For a token that is not known; one that may not gets it as one of several errors. */
export const DENIED = failed(403, 'permission denied')

/** How errors that come from inside look, even when there is only one. */
export function wrapped(status: number, error: string): Reply {
  return failed(status, `1 error occurred:\n\t* ${error}\n\n`)
}

export function text(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

export function texts(value: unknown): string[] {
  if (typeof value === 'string') return value === '' ? [] : value.split(',')
  return Array.isArray(value) ? value.map(String) : []
}

/** `900`, `"900"`, `"900s"`, `"15m"`, `"1h"`, in seconds. */
export function seconds(value: unknown, otherwise: number): number {
  if (value === undefined || value === '') return otherwise
  const [, amount, unit = 's'] = /^(\d+)(s|m|h)?$/.exec(String(value)) ?? []
  return Number(amount) * ({ s: 1, m: 60, h: 3600 }[unit] ?? 1)
}
