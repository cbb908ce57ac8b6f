import { setTimeout as pause } from 'node:timers/promises'
import { CredctlError, isCredctlError } from '../../errors.ts'

/** SQLSTATEs whose message names objects only, never values: safe to pass on. */
const NAMES_OBJECTS = new Set(['42501', '42P01', '3F000', '42704', '3D000', '42703', '42809'])

/** What to do about an answer of the server, by SQLSTATE or its class (PostgreSQL, appendix A). */
const REFUSALS: Readonly<Record<string, { readonly message: string; readonly hint: string }>> = {
  '28': {
    message: "the server refuses the login of the broker's admin",
    hint: 'compare admin.user and its secret with the role on the server, and look at pg_hba.conf',
  },
  '3D': {
    message: 'the database does not exist',
    hint: 'correct target.database',
  },
  '42501': {
    message: "the broker's admin lacks a privilege",
    hint: 'run what `credctl postgres setup` prints',
  },
  '42710': {
    message: 'a role of that name already exists',
    hint: 'request the credential again: each one has its own name',
  },
  '22023': {
    message: "the broker's second role is missing",
    hint: 'run what `credctl postgres setup` prints',
  },
  '08P01': {
    message: 'the server does not accept start-up options',
    hint: 'connect to PostgreSQL itself: a pooler in transaction mode cannot carry the admin',
  },
}

const UNAVAILABLE: Readonly<Record<string, string>> = {
  '25006': 'the server is a standby in recovery and accepts no changes',
  '53300': 'the server has no connection left',
  '57P03': 'the server is starting up or shutting down',
}

/** Classes that say "not now": connection, rollback, resources, operator, internal. */
const TRY_AGAIN = new Set(['08', '25', '40', '53', '55', '57', '58', 'XX'])

const CERTIFICATE = /CERT|SELF_SIGNED|UNABLE_TO_(VERIFY|GET)|ERR_TLS/

/** `target_unavailable` or `target_refused`, in words that hold no value of ours. */
export function targetFailure(error: unknown, doing: string): CredctlError {
  if (isCredctlError(error)) return error
  const code = codeOf(error)
  const refusal = REFUSALS[code] ?? REFUSALS[code.slice(0, 2)]
  if (refusal !== undefined && isSqlState(code)) {
    const detail = NAMES_OBJECTS.has(code) && error instanceof Error ? `: ${error.message}` : ''
    const message = `${doing}: ${refusal.message} (${code})${detail}`
    return new CredctlError('target_refused', message, { hint: refusal.hint, cause: error })
  }
  if (CERTIFICATE.test(code)) {
    const message = `${doing}: the server's certificate is not accepted (${code})`
    const hint = 'set target.ca to the authority that signed it, and target.host to its name'
    return new CredctlError('target_refused', message, { hint, cause: error })
  }
  if (error instanceof Error && /does not support SSL/.test(error.message)) {
    const hint = 'switch TLS on at the server; target.tls: disable is for loopback only'
    return new CredctlError('target_refused', `${doing}: the server offers no TLS`, {
      hint,
      cause: error,
    })
  }
  if (!isSqlState(code) || TRY_AGAIN.has(code.slice(0, 2))) {
    const reason = UNAVAILABLE[code] ?? `it cannot be reached or cannot answer now (${code})`
    return new CredctlError('target_unavailable', `${doing}: ${reason}`, { cause: error })
  }
  const detail = NAMES_OBJECTS.has(code) && error instanceof Error ? `: ${error.message}` : ''
  const message = `${doing}: PostgreSQL refused it (${code})${detail}`
  return new CredctlError('target_refused', message, { cause: error })
}

/** SQLSTATE, errno name or OpenSSL reason; `unknown` when there is none. */
export function codeOf(error: unknown): string {
  if (error instanceof Error && 'code' in error && typeof error.code === 'string') return error.code
  return 'unknown'
}

/** No class of SQLSTATEs starts with E; names of errno do. */
function isSqlState(code: string): boolean {
  return /^[0-9A-DF-Z][0-9A-Z]{4}$/.test(code)
}

const TRIES = 6

/**
 * Runs again what lost a race in the catalogue: deadlocks, serialization, and the
 * "tuple concurrently updated" that two GRANTs on one table produce.
 */
export async function retryingRaces<T>(run: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await run()
    } catch (error) {
      if (tries >= TRIES || !isRace(error)) throw error
      await pause(2 ** tries * (1 + Math.random()))
    }
  }
}

function isRace(error: unknown): boolean {
  const code = codeOf(error)
  if (code === '40P01' || code === '40001') return true
  return code === 'XX000' && error instanceof Error && /concurrently/.test(error.message)
}
