import type { Entry } from '../../ledger/entry.ts'

/** An entry in one line, for people; `--output json` has all of it. */
export function entryText(entry: Entry): string {
  switch (entry.kind) {
    case 'catalogue.loaded':
      return `${Object.keys(entry.scopes).length} scopes, ${entry.catalogue}`
    case 'keys.loaded':
      return `${entry.log}${entry.next === undefined ? '' : `, next ${entry.next.log}`}`
    case 'openings.erased':
      return `${entry.erased} values of ${entry.of} kept before ${entry.before}`
    case 'grant.decided': {
      const { decision, caller, scope, environment, reasons, intent } = entry
      const why = decision !== 'allow' ? ` (${reasons.map(({ code }) => code).join(', ')})` : ''
      const who = `${caller.class} ${caller.subject} of ${caller.issuer}`
      return `${decision}${why}: ${who}, ${scope.name} in ${environment.name}: ${intent}`
    }
    case 'approval.given': {
      const { verdict, by, group, via, settles } = entry
      const what = settles === undefined ? verdict : `${verdict}, ${settles}`
      return `${what}: ${by.subject} of ${by.issuer} for ${group}, via ${via}`
    }
    case 'approval.ended':
      return entry.by === undefined ? entry.outcome : `${entry.outcome} by ${entry.by.subject}`
    case 'credential.requested':
      return `${entry.target}: ${handleText(entry.handle)}`
    case 'credential.minted':
      return `${entry.target}: ${entry.fingerprint} until ${entry.expires}`
    case 'credential.refused':
      return `${entry.target}: ${entry.reasons.map(({ code }) => code).join(', ')}`
    case 'credential.failed':
      return `${entry.target}: ${entry.code}`
    case 'credential.revoked':
      return `${entry.target}: ${entry.outcome}`
    case 'credential.wrapped':
      return `${entry.target}: wrapped until ${entry.expires}, accessor ${entry.accessor}`
    case 'credential.wrapping_alarm':
      return `${entry.target}: the wrapping with accessor ${entry.accessor} was ${entry.finding}`
    case 'session.ended':
      return `${entry.target}: ${entry.login} exceeded ${entry.breach}: ${entry.detail}`
    case 'grant.ended':
      return entry.by === undefined ? entry.cause : `${entry.cause} ${entry.by.subject}`
  }
}

type Handle = Extract<Entry, { kind: 'credential.requested' }>['handle']

function handleText(handle: Handle): string {
  if (handle.kind === 'postgres') return `login ${handle.login}`
  return handle.kind === 'aws'
    ? `role ${handle.role}, session ${handle.session}`
    : `Vault role ${handle.role}, token accessor ${handle.accessor ?? 'unknown'}`
}
