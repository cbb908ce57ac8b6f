import { z } from 'zod'
import { fields, refuse } from '../document/fields.ts'
import { duration, slug } from '../document/text.ts'
import { environmentClass } from '../environment/environment.ts'
import { CALLER_CLASSES } from '../identity/caller.ts'
import { stepUp } from '../identity/step-up.ts'
import { VERBS } from './access-postgres.ts'
import { ACTION_CLASSES } from './action-class.ts'

const several = <T extends z.ZodType>(item: T) => z.array(item).min(1).max(50).optional()
const bound = z.int().min(0).max(1_000_000).optional()

/** Counts of the plan's blast radius: the rule matches above the number. */
const moreThan = fields({
  accounts: bound,
  databases: bound,
  tables: bound,
  tables_by: z.partialRecord(z.enum(VERBS), z.int().min(0).max(1_000_000)).optional(),
  named_resources: bound,
  wildcard_resources: bound,
  actions_by: z.partialRecord(z.enum(ACTION_CLASSES), z.int().min(0).max(1_000_000)).optional(),
  ttl: duration({ min: 1, max: 3600 }).optional(),
}).refine((given) => Object.keys(given).length > 0, 'nothing to count')

/** Every condition given must hold; within a list, one member is enough. */
const when = fields({
  environment_class: environmentClass.optional(),
  environments: several(slug),
  scopes: several(slug),
  callers: several(z.enum(CALLER_CLASSES)),
  accounts: several(z.string().regex(/^[0-9]{12}$/, 'not an AWS account id')),
  verbs: several(z.enum(VERBS)).meta({ description: 'Some table with one of these verbs.' }),
  action_classes: several(z.enum(ACTION_CLASSES)).meta({
    description: 'Some AWS action of one of these classes.',
  }),
  more_than: moreThan.optional(),
}).refine((given) => Object.keys(given).length > 0, 'no conditions: write what the rule is about')

export const need = fields({
  group: slug.meta({ description: 'A group of approvals.groups, or approvers: all of them.' }),
  count: z.int().min(1).max(10).default(1),
})
export type Need = z.output<typeof need>

const needs = z
  .array(need)
  .min(1, 'no needs: an approval by nobody')
  .max(10)
  .superRefine((list, context) => {
    for (const [at, { group }] of list.entries()) {
      if (list.findIndex((each) => each.group === group) === at) continue
      refuse(context, `group ${group} is listed twice`, { path: [at, 'group'] })
    }
  })

const sentence = z.string().min(10, 'a reason is a sentence').max(500)

const common = {
  name: slug.meta({ description: 'Stands in decisions and entries.' }),
  when,
}
const approval = {
  needs: needs.optional(),
  expires: duration({ min: 60, max: 86_400 })
    .optional()
    .meta({ description: 'Life of a request, approved or not, such as 4h; 1h when absent.' }),
  reason_required: z.literal(true).optional().meta({ description: 'Approvers must say why.' }),
  step_up: stepUp.optional().meta({ description: 'What the login of an approver must be like.' }),
  refuse: sentence.optional().meta({ description: 'Never, and why.' }),
}
const operators = {
  ...common,
  ...approval,
  allow: sentence.optional().meta({
    description: 'Lifts what the autonomy level would ask for, and why. No other rule is lifted.',
  }),
  until: z.iso
    .datetime({ offset: true })
    .optional()
    .meta({ description: 'When a standing approval (allow) has to be looked at again.' }),
}

type Rule = z.output<z.ZodObject<typeof operators>>

function oneOutcome(rule: Rule, context: z.core.$RefinementCtx): void {
  const outcomes = [rule.needs, rule.refuse, rule.allow].filter((each) => each !== undefined)
  if (outcomes.length !== 1) {
    const message = `a rule has one outcome, not ${outcomes.length}`
    refuse(context, message, { expected: 'one of needs, refuse and, for operators, allow' })
  }
  if (rule.until !== undefined && rule.allow === undefined) {
    refuse(context, 'until goes with allow', { path: ['until'], expected: 'allow, or no until' })
  }
  if (rule.needs !== undefined) return
  for (const key of ['expires', 'reason_required', 'step_up'] as const) {
    if (rule[key] === undefined) continue
    refuse(context, `${key} goes with needs`, { path: [key], expected: 'needs, or no such field' })
  }
}

function distinctNames(rules: readonly Rule[], context: z.core.$RefinementCtx): void {
  for (const [at, { name }] of rules.entries()) {
    if (rules.findIndex((rule) => rule.name === name) === at) continue
    refuse(context, `rule ${name} is there twice`, { path: [at, 'name'] })
  }
}

/** An operator's rule over a plan's blast radius and who asks for it. */
export const thresholds = z
  .array(fields(operators).superRefine(oneOutcome))
  .max(100)
  .superRefine(distinctNames)

/** A scope's own rules can ask for more, never for less: they know no `allow`. */
export const scopeThresholds = z
  .array(fields({ ...common, ...approval }).superRefine(oneOutcome))
  .max(20)
  .superRefine(distinctNames)

export type Threshold = Rule
