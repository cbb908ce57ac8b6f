import { z } from 'zod'
import { fields } from '../document/fields.ts'
import { slug } from '../document/text.ts'
import type { Caller, Claims } from './caller.ts'
import { claimName } from './caller-rule.ts'
import { unmetClaims } from './classify.ts'
import { OIDC } from './presets/preset.ts'

const claimValue = z.union([z.string().max(512), z.int(), z.boolean()])

/** Some members: everyone of one issuer whose claims are these. */
const members = fields({
  issuer: slug.meta({ description: 'Name of the issuer whose tokens show the membership.' }),
  claims: z
    .record(claimName, z.union([claimValue, z.array(claimValue).min(1).max(100)]))
    .refine((claims) => Object.keys(claims).length > 0, {
      message: 'no claims: everyone that issuer knows would be an approver',
    })
    .meta({ description: 'Every listed claim must equal the value, or one of the values.' }),
})

/** A named group of people who may approve. Empty groups cannot be written. */
export const approverGroup = fields({
  members: z.array(members).min(1, 'no members: nobody could ever approve').max(50),
})
export type ApproverGroup = z.output<typeof approverGroup>
export type ApproverGroups = Readonly<Record<string, ApproverGroup>>

/** Always there: everyone who holds the role `approver`. */
export const EVERY_APPROVER = 'approvers'

/** What membership is read from: a verified identity, or the record of one. */
export type Member = Pick<Caller, 'class' | 'issuer' | 'claims'>

/** Do today's rules of the group name this person, by claims that its issuer signed? */
export function isMember(name: string, groups: ApproverGroups, person: Member): boolean {
  if (person.class !== 'human') return false
  if (name === EVERY_APPROVER) return true
  const group = Object.hasOwn(groups, name) ? groups[name] : undefined
  return group?.members.some((some) => isNamed(some, person)) ?? false
}

function isNamed(rule: z.output<typeof members>, { issuer, claims }: Member): boolean {
  return rule.issuer === issuer && unmetClaims(rule, claims, OIDC).length === 0
}

/** Names of the claims that membership of one issuer's people hangs on: all that is recorded. */
export function membershipClaims(groups: ApproverGroups, issuer: string): readonly string[] {
  const rules = Object.values(groups).flatMap((group) => group.members)
  const ours = rules.filter((rule) => rule.issuer === issuer)
  return [...new Set(ours.flatMap((rule) => Object.keys(rule.claims)))]
}

/** Which claim of which issuer says who a person is, where one person has several accounts. */
export type PersonClaims = Readonly<Record<string, string>>

/** What the record has in place of a name: two of them may be one person, or two. */
const STANDS_FOR_ANOTHER = /^\[(committed|redacted:[^\]]*)\]$/

/** The name a person goes by everywhere, if the operator said where to find it. */
export function personOf(
  { issuer, claims }: { readonly issuer: string; readonly claims: Claims },
  names: PersonClaims,
): string | undefined {
  const claim = Object.hasOwn(names, issuer) ? names[issuer] : undefined
  if (claim === undefined || !Object.hasOwn(claims, claim)) return undefined
  const value = claims[claim]
  if (typeof value !== 'string' || value === '' || STANDS_FOR_ANOTHER.test(value)) return undefined
  return comparable(value)
}

/** Says nothing of who it is, where the operator said which claim should. */
export function isNameless(
  person: { readonly issuer: string; readonly claims: Claims },
  names: PersonClaims,
): boolean {
  return Object.hasOwn(names, person.issuer) && personOf(person, names) === undefined
}

/** Upper case and compatibility forms make no second person. */
export function comparable(name: string): string {
  return name.normalize('NFKC').toLowerCase()
}
