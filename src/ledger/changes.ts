import type { Entry } from './entry.ts'

/** What an entry does to the state that is derived from the log. */
export type Change =
  | {
      readonly kind: 'issued'
      readonly grant: string
      readonly scope: string
      readonly environment: string
      readonly class: string
      readonly issuer: string
      readonly subject: string
      readonly at: string
      readonly expires: string
    }
  | {
      readonly kind: 'ended'
      readonly grant: string
      readonly at: string
      readonly cause: string
    }
  | {
      readonly kind: 'requested'
      readonly credential: string
      readonly grant: string
      readonly target: string
      readonly at: string
    }
  | {
      readonly kind: 'outcome'
      readonly credential: string
      readonly status: 'minted' | 'failed' | 'revoked'
      readonly expires?: string
    }

/** Pure: the state of the ledger is this function over all entries, in order. */
export function changeOf(entry: Entry): Change | undefined {
  switch (entry.kind) {
    case 'catalogue.loaded':
    case 'credential.refused':
    case 'session.ended':
      return undefined
    case 'grant.decided': {
      if (entry.expires === undefined) return undefined
      const { grant, time: at, expires, scope, environment } = entry
      const { class: callerClass, issuer, subject } = entry.caller
      const names = { scope: scope.name, environment: environment.name }
      return { kind: 'issued', grant, ...names, class: callerClass, issuer, subject, at, expires }
    }
    case 'grant.ended':
      return { kind: 'ended', grant: entry.grant, at: entry.time, cause: entry.cause }
    case 'credential.requested': {
      const { credential, grant, target, time: at } = entry
      return { kind: 'requested', credential, grant, target, at }
    }
    case 'credential.minted': {
      const { credential, expires } = entry
      return { kind: 'outcome', credential, status: 'minted', expires }
    }
    case 'credential.failed':
      return { kind: 'outcome', credential: entry.credential, status: 'failed' }
    case 'credential.revoked':
      return { kind: 'outcome', credential: entry.credential, status: 'revoked' }
  }
}
