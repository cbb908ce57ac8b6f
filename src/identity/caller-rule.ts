import { z } from 'zod'
import { fields, refuse } from '../document/fields.ts'
import { CALLER_CLASSES, ROLES } from './caller.ts'
import { stepUp } from './step-up.ts'

export const claimName = z.string().min(1).max(256)
/** Numbers are whole and exact: a longer one would equal every other that rounds to it. */
const claimValue = z.union([z.string().max(512), z.int(), z.boolean()])

/** The two classes that never reach production may be given to everyone an issuer knows. */
const OPEN_CLASSES = ['agent', 'local']

/** Which verified claims make a caller of which class. Exact values: patterns match too much. */
export const callerRule = fields({
  class: z.enum(CALLER_CLASSES).meta({ description: 'Class of callers that this rule names.' }),
  claims: z
    .record(claimName, z.union([claimValue, z.array(claimValue).min(1).max(100)]))
    .default({})
    .meta({ description: 'Every listed claim must equal the value, or one of the values.' }),
  roles: z
    .array(z.enum(ROLES))
    .min(1)
    .optional()
    .meta({ description: 'Roles of a person; only with class human.' }),
  step_up: stepUp.optional().meta({
    description: 'What the login must be like to end grants of others; only with roles.',
  }),
}).superRefine((rule, context) => {
  if (rule.roles !== undefined && rule.class !== 'human') {
    const expected = 'no roles, or class human'
    refuse(context, `class ${rule.class} cannot hold roles`, { path: ['roles'], expected })
  }
  if (rule.step_up !== undefined && rule.roles === undefined) {
    const expected = 'no step_up, or roles'
    refuse(context, 'a step-up for no role', { path: ['step_up'], expected })
  }
  if (!OPEN_CLASSES.includes(rule.class) && Object.keys(rule.claims).length === 0) {
    const expected = 'at least one claim that says who'
    const message = `class ${rule.class} for everyone this issuer knows`
    refuse(context, message, { path: ['claims'], expected })
  }
})
export type CallerRule = z.output<typeof callerRule>
