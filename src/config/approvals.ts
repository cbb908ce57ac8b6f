import { z } from 'zod'
import type { Problem } from '../document/diagnostic.ts'
import { fields } from '../document/fields.ts'
import { duration, slug } from '../document/text.ts'
import { approverGroup, EVERY_APPROVER } from '../identity/approver-group.ts'
import { claimName } from '../identity/caller-rule.ts'
import { stepUp } from '../identity/step-up.ts'
import { type Threshold, thresholds } from '../scope/threshold.ts'

/** Who may approve, and what has to be approved besides what the autonomy levels ask for. */
export const approvalsSection = fields({
  groups: z
    .record(slug, approverGroup)
    .default({})
    .meta({ description: 'Who approvers are; approvers is always there: the whole role.' }),
  thresholds: thresholds.default([]).meta({
    description: 'Rules over the blast radius of a plan; the strictest that matches holds.',
  }),
  same_person: z.record(slug, claimName).default({}).meta({
    description:
      'By issuer, the claim that names a person, so that nobody approves their own request with another account.',
  }),
  prod_step_up: stepUp
    .default({ max_age: 900 })
    .meta({ description: 'What the login of whoever approves for prod must be like.' }),
  break_glass: fields({
    group: slug.default(EVERY_APPROVER).meta({ description: 'Whose member agrees to it.' }),
    ttl: duration({ min: 60, max: 3600 })
      .default(900)
      .meta({ description: 'Longest life of the grant.' }),
  })
    .optional()
    .meta({ description: 'Emergencies of people; without it there are none.' }),
})

type Section = z.output<typeof approvalsSection>

export interface ApprovalsConfig {
  readonly thresholds: readonly Threshold[]
  readonly groups: Section['groups']
  readonly samePerson: Section['same_person']
  readonly prodStepUp: Section['prod_step_up']
  /** As in `Policy`. */
  readonly boundClaims?: Readonly<Record<string, readonly string[]>>
  readonly breakGlass: Section['break_glass']
}

/** Without the section: the autonomy levels alone, and everyone with the role approves. */
export function approvalsConfig(section: Section | undefined): ApprovalsConfig {
  const {
    thresholds: rules,
    groups,
    same_person,
    prod_step_up,
    break_glass,
  } = section ?? approvalsSection.parse({})
  return {
    thresholds: rules,
    groups,
    samePerson: same_person,
    prodStepUp: prod_step_up,
    breakGlass: break_glass,
  }
}

/** Names that lead nowhere: a need that nobody could ever meet, a rule about no environment. */
export function approvalProblems(
  section: Section,
  known: {
    readonly issuers: readonly string[]
    readonly environments: readonly string[]
  },
): Problem[] {
  const { groups, thresholds: rules, same_person, break_glass: glass } = section
  const names = [EVERY_APPROVER, ...Object.keys(groups)]
  return [
    ...(EVERY_APPROVER in groups
      ? [{ path: ['groups', EVERY_APPROVER], message: 'approvers is the whole role already' }]
      : []),
    ...Object.entries(groups).flatMap(([group, { members }]) =>
      members.flatMap(({ issuer }, at) =>
        unknownName(issuer, known.issuers, 'issuer', ['groups', group, 'members', at, 'issuer']),
      ),
    ),
    ...(glass === undefined
      ? []
      : unknownName(glass.group, names, 'group', ['break_glass', 'group'])),
    ...Object.keys(same_person).flatMap((issuer) =>
      unknownName(issuer, known.issuers, 'issuer', ['same_person', issuer]),
    ),
    ...rules.flatMap(({ needs = [], when }, at) => [
      ...needs.flatMap(({ group }, index) =>
        unknownName(group, names, 'group', ['thresholds', at, 'needs', index, 'group']),
      ),
      ...(when.environments ?? []).flatMap((name, index) =>
        unknownName(name, known.environments, 'environment', [
          'thresholds',
          at,
          'when',
          'environments',
          index,
        ]),
      ),
    ]),
  ]
}

function unknownName(
  name: string,
  known: readonly string[],
  noun: string,
  path: (string | number)[],
): Problem[] {
  if (known.includes(name)) return []
  return [{ path, message: `there is no ${noun} ${name}`, expected: known.join(' or ') }]
}
