import { createHash, timingSafeEqual } from 'node:crypto'
import { canonicalBytes, type Digest } from '../canonical.ts'
import type { Random } from '../clock.ts'
import type { ClaimValue } from '../identity/caller.ts'
import type { ApprovalGiven, Entry, EntryCaller, GrantDecided } from './entry.ts'

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

export interface Sealed {
  readonly entry: Entry
  readonly openings: readonly Opening[]
}

/**
 * The entry with the named values replaced by commitments: of the request in a decision, of the
 * person in a word about it, since what both say is read again. Elsewhere the named claims of
 * whoever acted are left out.
 */
export function seal(entry: Entry, names: ReadonlySet<string>, random: Random): Sealed {
  const sealer = new Sealer(names, random)
  if (entry.kind === 'grant.decided') {
    const intent = sealer.value('intent', entry.intent)
    const parameters = sealer.values('parameters', entry.parameters)
    const caller = sealer.caller(entry.caller)
    return sealer.seal({ ...entry, intent, parameters, caller }, entry)
  }
  if (entry.kind === 'approval.given') {
    return sealer.seal({ ...entry, by: sealer.caller(entry.by) }, entry)
  }
  if (!('by' in entry) || entry.by === undefined) return { entry, openings: [] }
  return { entry: { ...entry, by: withoutClaims(entry.by, names) }, openings: [] }
}

class Sealer {
  readonly #names: ReadonlySet<string>
  readonly #random: Random
  readonly #openings: Opening[] = []

  constructor(names: ReadonlySet<string>, random: Random) {
    this.#names = names
    this.#random = random
  }

  value<Value extends ClaimValue>(at: string, value: Value): Value | string {
    if (!this.#names.has(at)) return value
    const salt = this.#random(SALT_BYTES)
    this.#openings.push({ at, commitment: commitmentTo(at, value, salt), salt, value })
    return COMMITTED
  }

  values<Value extends ClaimValue>(place: string, values: Readonly<Record<string, Value>>) {
    return mapped(values, (name, value) => this.value(`${place}.${name}`, value))
  }

  caller(caller: EntryCaller): EntryCaller {
    return { ...caller, claims: this.values('claims', caller.claims) }
  }

  seal(sealed: GrantDecided | ApprovalGiven, entry: Entry): Sealed {
    if (this.#openings.length === 0) return { entry, openings: [] }
    const committed = Object.fromEntries(
      this.#openings.map(({ at, commitment }) => [at, commitment]),
    )
    return { entry: { ...sealed, committed }, openings: this.#openings }
  }
}

function withoutClaims(caller: EntryCaller, names: ReadonlySet<string>): EntryCaller {
  const claims = Object.entries(caller.claims).filter(([name]) => !names.has(`claims.${name}`))
  return { ...caller, claims: Object.fromEntries(claims) }
}

interface Closed {
  readonly committed?: Committed
}

/** A request as its state has it. */
interface Request extends Closed {
  readonly intent: string
  readonly parameters: Readonly<Record<string, string>>
  readonly caller: EntryCaller
}

/**
 * With every committed value that an opening proves. The others stay as they stand in the log: what
 * they would have allowed is then refused. The database's word alone is not enough for a value.
 */
export function openRequest<R extends Request>(request: R, openings: readonly Opening[]): R {
  const proven = provenBy(request, openings)
  return {
    ...request,
    intent: opened(proven, 'intent', request.intent),
    parameters: mapped(request.parameters, (name, value) =>
      opened(proven, `parameters.${name}`, value),
    ),
    caller: openCaller(request.caller, proven),
  }
}

/** As `openRequest`, for the person who said a word about one. */
export function openWord<Word extends Closed & { readonly by: EntryCaller }>(
  word: Word,
  openings: readonly Opening[],
): Word {
  return { ...word, by: openCaller(word.by, provenBy(word, openings)) }
}

type Proven = ReadonlyMap<string, ClaimValue>

function provenBy({ committed = {} }: Closed, openings: readonly Opening[]): Proven {
  const proving = openings.filter(
    (opening) => committed[opening.at] === opening.commitment && isOpening(opening),
  )
  return new Map(proving.map(({ at, value }) => [at, value]))
}

function openCaller(caller: EntryCaller, proven: Proven): EntryCaller {
  const claims = mapped(caller.claims, (name, value) => opened(proven, `claims.${name}`, value))
  return { ...caller, claims }
}

function opened<Value extends ClaimValue>(proven: Proven, at: string, value: Value): Value {
  const found = proven.get(at)
  return found === undefined ? value : (found as Value)
}

function mapped<Value, Result>(
  values: Readonly<Record<string, Value>>,
  change: (name: string, value: Value) => Result,
): Readonly<Record<string, Result>> {
  const entries = Object.entries(values)
  return Object.fromEntries(entries.map(([name, value]) => [name, change(name, value)]))
}
