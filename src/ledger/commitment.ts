import { createHash, timingSafeEqual } from 'node:crypto'
import { canonicalBytes, type Digest } from '../canonical.ts'
import type { Random } from '../clock.ts'
import type { ClaimValue } from '../identity/caller.ts'
import type { Entry, EntryCaller, GrantDecided } from './entry.ts'

/** What stands in an entry where a value is only committed to. */
export const COMMITTED = '[committed]'

/** Per committed value (`intent`, `parameters.NAME`, `claims.NAME`), the commitment to it. */
export type Committed = Readonly<Record<string, Digest>>

/** What proves a committed value to whoever has the entry. Without it nobody learns the value. */
export interface Opening {
  /** `intent`, `parameters.NAME` or `claims.NAME`. */
  readonly at: string
  readonly commitment: Digest
  readonly salt: Buffer
  readonly value: ClaimValue
}

/** Of no other hash in credctl: nothing else can be passed off as a commitment. */
const DOMAIN = 'credctl/commitment/v1\0'

/**
 * As long as the hash: whoever cannot guess 256 bits cannot try values, however few there are. RFC
 * 9901 §9.3 asks for at least 128 bits for the same construction, a hash over a salt and a value.
 */
const SALT_BYTES = 32

/**
 * `SHA-256(domain || salt || RFC 8785 of [at, value])`. Domain and salt have fixed lengths, so each
 * input is read in one way only, and a value cannot be moved to another place of its entry.
 */
export function commitmentTo(at: string, value: ClaimValue, salt: Buffer): Digest {
  const hash = createHash('sha256').update(DOMAIN).update(salt)
  const pair: readonly (ClaimValue | string)[] = [at, value]
  return `sha256:${hash.update(canonicalBytes(pair)).digest('hex')}`
}

/** Does this prove a value under its commitment? */
export function isOpening({ at, commitment, salt, value }: Opening): boolean {
  if (salt.length !== SALT_BYTES) return false
  const found = Buffer.from(commitmentTo(at, value, salt))
  const wanted = Buffer.from(commitment)
  return found.length === wanted.length && timingSafeEqual(found, wanted)
}

export interface Sealed<E extends Entry = Entry> {
  readonly entry: E
  readonly openings: readonly Opening[]
}

/**
 * The entry with the named values of its decision replaced by commitments. Where later entries name
 * a person again, the claims of these names are left out: they were committed to once.
 */
export function seal(entry: Entry, names: ReadonlySet<string>, random: Random): Sealed {
  if (entry.kind === 'grant.decided') return sealDecision(entry, names, random)
  if (!('by' in entry) || entry.by === undefined) return { entry, openings: [] }
  return { entry: { ...entry, by: withoutClaims(entry.by, names) }, openings: [] }
}

function sealDecision(
  entry: GrantDecided,
  names: ReadonlySet<string>,
  random: Random,
): Sealed<GrantDecided> {
  const openings: Opening[] = []
  const sealed = <Value extends ClaimValue>(at: string, value: Value): Value | string => {
    if (!names.has(at)) return value
    const salt = random(SALT_BYTES)
    openings.push({ at, commitment: commitmentTo(at, value, salt), salt, value })
    return COMMITTED
  }
  const intent = sealed('intent', entry.intent)
  const parameters = mapped(entry.parameters, (name, value) => sealed(`parameters.${name}`, value))
  const claims = mapped(entry.caller.claims, (name, value) => sealed(`claims.${name}`, value))
  if (openings.length === 0) return { entry, openings }
  const committed = Object.fromEntries(openings.map(({ at, commitment }) => [at, commitment]))
  const caller = { ...entry.caller, claims }
  return { entry: { ...entry, intent, parameters, caller, committed }, openings }
}

function withoutClaims(caller: EntryCaller, names: ReadonlySet<string>): EntryCaller {
  const claims = Object.entries(caller.claims).filter(([name]) => !names.has(`claims.${name}`))
  return { ...caller, claims: Object.fromEntries(claims) }
}

/** What the state of a grant has of a decision. */
interface Readable {
  readonly intent: string
  readonly parameters: Readonly<Record<string, string>>
  readonly caller: EntryCaller
  readonly committed?: Committed
}

/**
 * With every committed value that an opening proves. The others stay as they stand in the log: what
 * they would have allowed is then refused. The database's word alone is not enough for a value.
 */
export function openWith<State extends Readable>(
  state: State,
  openings: readonly Opening[],
): State {
  const { committed = {} } = state
  const values = new Map(
    openings
      .filter((opening) => committed[opening.at] === opening.commitment && isOpening(opening))
      .map(({ at, value }) => [at, value]),
  )
  const opened = <Value extends ClaimValue>(at: string, value: Value): Value => {
    const found = values.get(at)
    return found === undefined ? value : (found as Value)
  }
  return {
    ...state,
    intent: opened('intent', state.intent),
    parameters: mapped(state.parameters, (name, value) => opened(`parameters.${name}`, value)),
    caller: {
      ...state.caller,
      claims: mapped(state.caller.claims, (name, value) => opened(`claims.${name}`, value)),
    },
  }
}

function mapped<Value, Result>(
  values: Readonly<Record<string, Value>>,
  change: (name: string, value: Value) => Result,
): Readonly<Record<string, Result>> {
  const entries = Object.entries(values)
  return Object.fromEntries(entries.map(([name, value]) => [name, change(name, value)]))
}
