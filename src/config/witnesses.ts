import { z } from 'zod'
import type { Problem } from '../document/diagnostic.ts'
import { fields } from '../document/fields.ts'
import { slug } from '../document/text.ts'
import { exactUrl } from '../identity/exact-url.ts'

/** A key of type 0x04 (Ed25519) or 0x06 (ML-DSA-44), as C2SP signed-note writes it. */
const WITNESS_KEY = /^[^\s+]{1,255}\+[0-9a-f]{8}\+(?:B[A-Za-z0-9+/]{43}|B[A-Za-z0-9+/]{1750}=)$/

const witness = fields({
  /** Submission prefix: `add-checkpoint` stands below it (C2SP tlog-witness). */
  url: exactUrl,
  key: z.string().regex(WITNESS_KEY, 'not a key of a witness: name+id+base64, type 04 or 06'),
})

const group = fields({
  of: z.array(slug).min(1).max(32),
  need: z.union([z.enum(['any', 'all']), z.int().min(1).max(32)]),
})

/** Who remembers checkpoints for us, and who of them is enough (C2SP tlog-policy). */
export const witnessesSection = fields({
  known: z.record(slug, witness),
  /** A group is made of witnesses and of groups that stand before it. */
  groups: z.record(slug, group).default({}),
  /** A witness, a group, or `none`: cosignatures are collected, but none is needed. */
  quorum: slug,
})
export type WitnessesConfig = z.infer<typeof witnessesSection>

/** What one part of the section says about another; as C2SP tlog-policy forbids it. */
export function witnessProblems(section: WitnessesConfig | undefined): Problem[] {
  if (section === undefined) return []
  const known = new Set(Object.keys(section.known))
  const problems = [...countProblems(section), ...keyProblems(section)]
  const taken = new Set<string>()
  for (const [name, { of, need }] of Object.entries(section.groups)) {
    const path = ['groups', name]
    if (known.has(name) || name === NONE) {
      problems.push({ path, atKey: true, message: `${name} already has a meaning`, ...ownName })
    }
    for (const [at, member] of of.entries()) {
      const problem = known.has(member) ? takenBy(taken, member) : undefinedBefore(member, known)
      if (problem !== undefined) problems.push({ path: [...path, 'of', at], ...problem })
      taken.add(member)
    }
    if (typeof need === 'number' && need > of.length) {
      const expected = `any, all, or at most ${of.length}`
      problems.push({ path: [...path, 'need'], message: 'more than there are members', expected })
    }
    known.add(name)
  }
  if (section.quorum !== NONE && !known.has(section.quorum)) {
    problems.push({ path: ['quorum'], ...undefinedBefore(section.quorum, known) })
  }
  return problems
}

const NONE = 'none'
const ownName = { expected: 'a name of its own' }
const MAX_KNOWN = 32

function countProblems({ known }: WitnessesConfig): Problem[] {
  const names = Object.keys(known)
  if (names.includes(NONE)) {
    return [
      { path: ['known', NONE], atKey: true, message: 'none already has a meaning', ...ownName },
    ]
  }
  if (names.length > 0 && names.length <= MAX_KNOWN) return []
  const message = `${names.length} witnesses`
  return [{ path: ['known'], message, expected: `between 1 and ${MAX_KNOWN} witnesses` }]
}

/** The same key under two names would count twice. */
function keyProblems({ known }: WitnessesConfig): Problem[] {
  const seen = new Set<string>()
  return Object.entries(known).flatMap(([name, { key }]): Problem[] => {
    const raw = key.split('+').slice(2).join('+')
    if (!seen.has(raw)) {
      seen.add(raw)
      return []
    }
    const message = 'another witness has this key'
    return [{ path: ['known', name, 'key'], message, expected: 'a key of its own' }]
  })
}

function takenBy(taken: ReadonlySet<string>, member: string) {
  if (!taken.has(member)) return undefined
  return { message: `${member} is in a group already`, expected: 'each name in one group at most' }
}

function undefinedBefore(member: string, known: ReadonlySet<string>) {
  const expected = `one that stands before: ${[...known].join(', ')}`
  return { message: `there is no witness or group ${member}`, expected }
}
