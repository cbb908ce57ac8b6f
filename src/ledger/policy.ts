import { CredctlError } from '../errors.ts'
import {
  ED25519,
  ED25519_COSIGNATURE,
  ML_DSA_44_COSIGNATURE,
  parseVkey,
  type Verifier,
} from './note.ts'

/** So many of its members must have witnessed a checkpoint for the group to have done so. */
export interface Group {
  readonly threshold: number
  readonly members: readonly string[]
}

/**
 * Which logs and witnesses somebody trusts, and which witnesses together are enough: the content of
 * a C2SP tlog-policy file. Names mean something inside the policy alone.
 */
export interface Policy {
  readonly logs: readonly Verifier[]
  readonly witnesses: ReadonlyMap<string, Verifier>
  readonly groups: ReadonlyMap<string, Group>
  /** Name of a witness or a group; `none` asks for no witness. */
  readonly quorum: string
}

/** True when witnesses with these keys are enough. */
export function quorumHolds(
  { witnesses, groups, quorum }: Policy,
  cosigned: ReadonlySet<string>,
): boolean {
  const holds = (name: string): boolean => {
    const witness = witnesses.get(name)
    if (witness !== undefined) return cosigned.has(witness.vkey)
    const group = groups.get(name)
    return group !== undefined && group.members.filter(holds).length >= group.threshold
  }
  return quorum === NONE || holds(quorum)
}

const NONE = 'none'
const MAX_BYTES = 256 * 1024
const MAX_LINES = 1_000
/** Control characters other than tab and newline; octets above 0x7f are anybody's letters. */
const FORBIDDEN = /[[\p{Cc}--[\t\n]]--[\u0080-\u009f]]/v

/**
 * Reads a policy file. Strict about everything the format forbids; the first problem is named with
 * its line. Throws `log_invalid`.
 */
export function parsePolicy(bytes: Uint8Array | string): Policy {
  // One character a byte: names are octets, and no two spellings of Unicode may meet.
  const text = Buffer.from(bytes).toString('latin1')
  if (text.length > MAX_BYTES || FORBIDDEN.test(text)) {
    throw invalid('it is too large or has a control character')
  }
  const lines = text.split('\n')
  if (lines.length > MAX_LINES) throw invalid(`it has more than ${MAX_LINES} lines`)
  const builder = new PolicyBuilder()
  for (const [at, line] of lines.entries()) {
    const items = line.split(/[ \t]+/).filter((item) => item !== '')
    if (items.length === 0 || items[0]?.startsWith('#') === true) continue
    const problem = builder.add(items)
    if (problem !== undefined) throw invalid(`line ${at + 1} ${problem}`)
  }
  return builder.finish()
}

/** Puts a policy together line by line; each method gives what is wrong with its line. */
export class PolicyBuilder {
  readonly #logs: Verifier[] = []
  readonly #witnesses = new Map<string, Verifier>()
  readonly #groups = new Map<string, Group>()
  /** Names that are members of a group already. */
  readonly #taken = new Set<string>()
  #quorum: string | undefined

  add([keyword = '', ...items]: readonly string[]): string | undefined {
    const [first = '', second = '', ...rest] = items
    if (keyword === 'log' && items.length >= 1 && items.length <= 2) return this.#log(first)
    if (keyword === 'witness' && items.length >= 2 && items.length <= 3) {
      return this.witness(first, second)
    }
    if (keyword === 'group' && items.length >= 3) return this.group(first, second, rest)
    if (keyword === 'quorum' && items.length === 1) return this.quorum(first)
    return 'is none of log, witness, group and quorum'
  }

  #log(vkey: string): string | undefined {
    const key = readVkey(vkey, [ED25519])
    if (key === undefined) return 'has no key of a log'
    if (isDuplicate(this.#logs, key)) return 'has a key that another log has'
    this.#logs.push(key)
    return undefined
  }

  witness(name: string, vkey: string): string | undefined {
    const key = readVkey(vkey, [ED25519_COSIGNATURE, ML_DSA_44_COSIGNATURE])
    if (key === undefined) return 'has no key of a witness'
    if (isDuplicate([...this.#witnesses.values()], key)) return 'has a key that another one has'
    if (this.#isKnown(name)) return 'defines a name again'
    this.#witnesses.set(name, key)
    return undefined
  }

  group(name: string, kind: string, members: readonly string[]): string | undefined {
    if (this.#isKnown(name)) return 'defines a name again'
    const threshold = thresholdOf(kind, members.length)
    if (threshold === undefined) return `needs any, all or a number from 1 to ${members.length}`
    for (const member of members) {
      if (member === NONE || !this.#isKnown(member)) return 'has a member not defined before it'
      if (this.#taken.has(member)) return 'has a member that is in a group already'
      this.#taken.add(member)
    }
    this.#groups.set(name, { threshold, members })
    return undefined
  }

  quorum(name: string): string | undefined {
    if (this.#quorum !== undefined) return 'is a second quorum'
    if (!this.#isKnown(name)) return 'names what is not defined before it'
    this.#quorum = name
    return undefined
  }

  finish(): Policy {
    if (this.#quorum === undefined) throw invalid('it has no quorum')
    const parts = { logs: this.#logs, witnesses: this.#witnesses, groups: this.#groups }
    return { ...parts, quorum: this.#quorum }
  }

  #isKnown(name: string): boolean {
    return name === NONE || this.#witnesses.has(name) || this.#groups.has(name)
  }
}

/** Also of vkeys that differ in name and id: one key counts once. */
function isDuplicate(known: readonly Verifier[], { key }: Verifier): boolean {
  return known.some((other) => other.key.equals(key))
}

function readVkey(vkey: string, types: readonly number[]): Verifier | undefined {
  try {
    const key = parseVkey(Buffer.from(vkey, 'latin1').toString('utf8'))
    return types.includes(key.type) ? key : undefined
  } catch {
    return undefined
  }
}

function thresholdOf(kind: string, members: number): number | undefined {
  if (kind === 'any') return 1
  if (kind === 'all') return members
  const threshold = /^[1-9]\d{0,5}$/.test(kind) ? Number(kind) : 0
  return threshold >= 1 && threshold <= members ? threshold : undefined
}

/** The file that says the same; `url` gives what stands beside a log or witness. */
export function formatPolicy(policy: Policy, url: (vkey: string) => string | undefined): string {
  const { logs, witnesses, groups, quorum } = policy
  const line = (...items: readonly (string | number | undefined)[]) =>
    `${items.filter((item) => item !== undefined).join(' ')}\n`
  return [
    ...logs.map(({ vkey }) => line('log', vkey, url(vkey))),
    ...[...witnesses].map(([name, { vkey }]) => line('witness', name, vkey, url(vkey))),
    ...[...groups].map(([name, { threshold, members }]) =>
      line('group', name, threshold, ...members),
    ),
    line('quorum', quorum),
  ].join('')
}

function invalid(problem: string): CredctlError {
  return new CredctlError('log_invalid', `the policy is not one: ${problem}`, {
    hint: 'C2SP tlog-policy: lines of log, witness, group, and one quorum',
  })
}
