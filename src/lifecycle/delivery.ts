import { CredctlError } from '../errors.ts'
import type { CredentialWrappingAlarm } from '../ledger/entry.ts'
import type { Delivery, GrantState } from '../ledger/ledger.ts'
import { credentialWrapped, credentialWrappingAlarm } from '../ledger/record.ts'
import type { Wrapped, Wrapping } from '../mint/wrapping.ts'
import type { Redeemed } from './redemption.ts'
import type { Parts } from './revocation.ts'

/** One target of a live grant, in one request. */
export interface Place {
  readonly state: GrantState
  readonly target: string
  readonly request: string
}

/** Each is an entry: a caller in a loop must not fill the log. */
const DELIVERIES_PER_GRANT = 32

/** Errors: `request_invalid` for a target that nothing can be wrapped for, `target_unknown`. */
export function wrappingOf({ mints }: Parts, { state, target }: Place): Wrapping {
  const { wrapping } = mints.of(state.environment, target)
  if (wrapping !== undefined) return wrapping
  throw new CredctlError('request_invalid', `credentials for ${target} cannot be wrapped`, {
    hint: 'Ask without wrap: only Vault wraps, and it does not mint for this target.',
  })
}

/** Wraps what was minted and records whose wrapping it is, before anybody has it. */
export async function deliverWrapped(
  parts: Parts,
  place: Place,
  redeemed: Redeemed,
  seconds: number,
): Promise<Wrapped> {
  const { state, target, request } = place
  const { ledger, clock } = parts
  if ((await ledger.deliveries(state.id)).length >= DELIVERIES_PER_GRANT) {
    const message = `the grant has already had ${DELIVERIES_PER_GRANT} wrapped credentials`
    throw new CredctlError('limit_reached', message, { hint: 'request a new grant' })
  }
  const wrapping = wrappingOf(parts, place)
  const wrapped = await wrapping.wrap(redeemed.credential, seconds)
  const now = clock.now()
  const { accessor } = wrapped
  const expiresAt = new Date(now.getTime() + wrapped.seconds * 1000)
  const link = { grant: state.id, previous: state.lastIndex }
  const credential = { credential: redeemed.id, target }
  const entry = credentialWrapped({ request, now }, link, credential, { accessor, expiresAt })
  try {
    await ledger.append(entry, { grant: 'live', credential: 'open' })
    return wrapped
  } catch (error) {
    await wrapping.discard(accessor).catch(() => undefined)
    throw error
  }
}

export type WrappingFinding = 'closed' | CredentialWrappingAlarm['finding']

/**
 * Whom a wrapping was for could not open it. When Vault still has it, nobody has opened it and it can
 * be tried again. When it is gone, somebody else has the credential, or may have: that is recorded,
 * and the caller of this ends the grant. Errors: `not_found` for a wrapping that the grant never
 * had, `target_unavailable` when Vault cannot be asked (report it again).
 */
export async function lookAtWrapping(
  parts: Parts,
  place: Place,
  accessor: string,
): Promise<WrappingFinding> {
  const { state, target } = place
  const delivery = (await parts.ledger.deliveries(state.id)).find(
    (each) => each.accessor === accessor && each.target === target,
  )
  if (delivery === undefined) {
    throw new CredctlError('not_found', 'this grant had no wrapping with this accessor')
  }
  if (await wrappingOf(parts, place).isClosed(accessor)) return 'closed'
  const finding = parts.clock.now() < delivery.expiresAt ? 'taken' : 'lapsed'
  await recordAlarm(parts, place, delivery, finding)
  return finding
}

async function recordAlarm(
  { ledger, clock }: Parts,
  { state, target, request }: Place,
  { credential, accessor }: Delivery,
  finding: CredentialWrappingAlarm['finding'],
): Promise<void> {
  const link = { grant: state.id, previous: state.lastIndex }
  const occasion = { request, now: clock.now() }
  const alarm = { accessor, finding }
  const entry = credentialWrappingAlarm(occasion, link, { credential, target }, alarm)
  // The grant ends with it, so that there is one alarm at most.
  await ledger.append(entry, { grant: 'unended' })
}
