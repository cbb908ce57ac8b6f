import type { Entry } from '../entry.ts'
import { MEANT } from '../entry-schema.ts'

/** What the history looks at of an entry: little enough to be sent between threads. */
export type Fact = FactOf<Entry>
type FactOf<E extends Entry> = E extends Entry ? Pick<E, Extract<keyof E, Looked>> : never
type Looked = (typeof LOOKED)[number]
const LOOKED = [
  ...MEANT,
  'grant',
  'scopes',
  'credential',
  'target',
  'log',
  'next',
  'caller',
  'by',
  'verdict',
  'group',
  'settles',
] as const
/** Long, and of no interest except where people were asked. */
const OF_APPROVALS: ReadonlySet<string> = new Set(['caller', 'by'])

/** The names of what is looked at. */
export const LOOKED_AT: readonly string[] = LOOKED

/** From the texts of an entry's members, which are canonical JSON without escapes. */
export function factFrom(members: ReadonlyMap<string, string>): Fact {
  const fact: Record<string, unknown> = {}
  for (const [name, text] of members) {
    if (OF_APPROVALS.has(name) && !asksPeople(members)) continue
    fact[name] = readValue(text)
  }
  return fact as Fact
}

const QUOTE = 0x22

/** Strings without escapes and whole numbers need no parser. */
function readValue(text: string): unknown {
  if (text.charCodeAt(0) === QUOTE) return text.slice(1, -1)
  return /^\d/.test(text) ? Number(text) : JSON.parse(text)
}

export function factOf(entry: Entry): Fact {
  const fact: Record<string, unknown> = {}
  for (const key of LOOKED) {
    if (!(key in entry) || (OF_APPROVALS.has(key) && !isOfApproval(entry))) continue
    fact[key] = entry[key as keyof Entry]
  }
  return fact as Fact
}

function asksPeople(members: ReadonlyMap<string, string>): boolean {
  return members.has('approval') || members.has('verdict')
}

function isOfApproval(entry: Entry): boolean {
  return 'approval' in entry || 'verdict' in entry
}
