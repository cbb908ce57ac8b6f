import type { Policy, PolicyStatement } from '../../plan/aws/policy.ts'
import { SESSION_PREFIX } from './request.ts'

/** Inline policies of ours on a target role start like this; nothing else may. */
export const DENY_PREFIX = 'credctl-revoked-'

/** Grants and their sessions live an hour at most; what is denied may be forgotten after two. */
export const FORGET_AFTER_MS = 2 * 3_600_000

/** What a replica denies on a role. */
export interface Denials {
  /** Source identities of grants: their sessions, also those they chained into. */
  readonly identities: readonly string[]
  /** Every session that was issued earlier. */
  readonly before: Date | undefined
}

/** The inline policy that says so; undefined when there is nothing to deny. */
export function denyPolicy({ identities, before }: Denials): Policy | undefined {
  const conditions: NonNullable<PolicyStatement['Condition']>[] = [
    ...(before === undefined
      ? []
      : [{ DateLessThan: { 'aws:TokenIssueTime': before.toISOString() } }]),
    ...(identities.length === 0
      ? []
      : [{ StringEquals: { 'aws:SourceIdentity': [...identities].sort() } }]),
  ]
  if (conditions.length === 0) return undefined
  const statements = conditions.map((Condition): PolicyStatement => {
    return { Effect: 'Deny', Action: '*', Resource: '*', Condition }
  })
  return { Version: '2012-10-17', Statement: statements }
}

/**
 * True when a deny of ours, whichever replica wrote it, can no longer matter: every grant it names,
 * or its moment, is older than any session can be. Anything else in it keeps it.
 */
export function isForgettable(text: string, now: Date): boolean {
  const times = [
    ...[...text.matchAll(IDENTITY)].map((match) => timeOfUlid(match[1] ?? '')),
    ...[...text.matchAll(MOMENT)].map((match) => Date.parse(match[1] ?? '')),
  ]
  return times.length > 0 && times.every((time) => time + FORGET_AFTER_MS < now.getTime())
}

const IDENTITY = new RegExp(`"${SESSION_PREFIX}([0-9A-Z]{26})"`, 'g')
const MOMENT = /"aws:TokenIssueTime":"([^"]+)"/g
const CROCKFORD = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'

/** The 48 bits of milliseconds at the head of a ULID. */
function timeOfUlid(ulid: string): number {
  return [...ulid.slice(0, 10)].reduce((time, digit) => time * 32 + CROCKFORD.indexOf(digit), 0)
}
