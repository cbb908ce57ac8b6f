import { z } from 'zod'
import { fields, refuse } from '../document/fields.ts'
import { duration, slug } from '../document/text.ts'
import { CALLER_CLASSES } from '../identity/caller.ts'
import { awsAccess } from './access-aws.ts'
import { mysqlAccess } from './access-mysql.ts'
import { postgresAccess } from './access-postgres.ts'
import { MAX_PARAMETERS } from './holes.ts'
import { parameter } from './parameter.ts'
import { scopeThresholds } from './threshold.ts'

/** Numbers are whole and exact: a longer one would equal every other that rounds to it. */
const claimValue = z.union([z.string().max(512), z.int(), z.boolean()])

const allowRule = fields({
  caller: z.enum(CALLER_CLASSES),
  issuer: slug,
  /** Every listed claim must equal the token's. No patterns: they match more than was meant. */
  claims: z
    .record(z.string().min(1).max(256), claimValue)
    .refine((claims) => Object.keys(claims).length > 0, {
      message: 'no claims: a rule must name who, or everyone that issuer knows may take the scope',
    }),
})

const access = z.union([
  fields({ postgres: postgresAccess }),
  fields({ mysql: mysqlAccess }),
  fields({ aws: awsAccess }),
])

const limits = fields({
  /** Grants of this scope in one environment over any 24 hours, all callers together. */
  grants_per_day: z.int().min(1).max(100_000).optional(),
  /** Grants of this scope in one environment at the same time, all callers together. */
  live_grants: z.int().min(1).max(10_000).optional(),
})

/** The schema of a file in `task-scopes/`: what one kind of task may touch. */
export const scopeSchema = fields({
  name: slug.meta({ description: 'Name of the scope; the file must be called name.yaml.' }),
  owner: slug.meta({ description: 'Team that reviews changes to this scope.' }),
  description: z.string().min(10).max(500).meta({ description: 'What the task does and why.' }),
  allow: z
    .array(allowRule)
    .min(1, 'no callers: a scope that nobody may take is not a scope')
    .max(50),
  environments: z.array(slug).min(1, 'no environments').max(50),
  ttl: duration({ min: 60, max: 3600 }).meta({ description: 'Life of a grant, such as 15m.' }),
  parameters: z
    .record(parameter.name, parameter.schema)
    .refine(
      (value) => Object.keys(value).length <= MAX_PARAMETERS,
      `more than ${MAX_PARAMETERS} parameters`,
    )
    .default({}),
  access: z.record(slug, access).refine((value) => Object.keys(value).length > 0, 'no access'),
  limits: limits.default({}),
  thresholds: scopeThresholds
    .optional()
    .meta({ description: 'When people must agree first; added to what the operator asks for.' }),
  windows: z
    .array(slug)
    .max(20)
    .default([])
    .meta({ description: 'Windows of the operator, one of which must be open as well.' }),
}).superRefine((scope, context) => {
  const seen = new Set<string>()
  for (const [index, name] of scope.environments.entries()) {
    if (seen.has(name))
      refuse(context, `environment ${name} is listed twice`, { path: ['environments', index] })
    seen.add(name)
  }
})

/** A parsed scope. Its digest is the catalogue's business: see `catalog.ts`. */
export type Scope = z.infer<typeof scopeSchema>
export type AllowRule = Scope['allow'][number]
export type Access = Scope['access'][string]
