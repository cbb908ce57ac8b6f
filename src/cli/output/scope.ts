import { z } from 'zod'
import { plan, scopeList, scopeSummary } from '../../contract.ts'
import { scopeSchema } from '../../scope/scope.ts'
import { diagnostic } from './failure.ts'

export const scopeListOutput = scopeList

const { allow, limits } = scopeSchema.shape

/** As in the file, completed with what it leaves out; what stands in it is the scope schema's. */
const access = z.record(
  z.string(),
  z.union([
    z.strictObject({ postgres: z.looseObject({}) }),
    z.strictObject({ mysql: z.looseObject({}) }),
    z.strictObject({ aws: z.array(z.looseObject({})) }),
  ]),
)

/** As the broker answers it, and what the file says beyond that; durations are seconds. */
export const scopeShowOutput = z
  .strictObject({ ...scopeSummary.shape, file: z.string(), allow, access, limits })
  .meta({ id: 'ScopeShow' })

export const scopeLintOutput = z
  .strictObject({
    ok: z.boolean(),
    files: z.int(),
    /** The configuration whose environments the scopes were planned for. */
    config: z.string().optional(),
    problems: z.array(diagnostic),
  })
  .meta({ id: 'ScopeLint' })

export const scopePlanOutput = z
  .strictObject({
    ...plan.shape,
    /** Parameters that had no value: a name in capitals stands in their place. */
    placeholders: z.array(z.string()),
  })
  .meta({ id: 'ScopePlan' })

export const scopeDiffOutput = z
  .strictObject({
    /** Scopes that give something else than before, or to somebody else. */
    changes: z.array(
      z.strictObject({
        scope: z.string(),
        status: z.enum(['added', 'removed', 'changed']),
        gained: z.array(z.string()),
        lost: z.array(z.string()),
      }),
    ),
  })
  .meta({ id: 'ScopeDiff' })

export const scopeNewOutput = z
  .strictObject({ file: z.string(), scope: z.string() })
  .meta({ id: 'ScopeNew' })

export const scopeExplainOutput = z
  .strictObject({ code: z.string(), means: z.string(), next: z.string() })
  .meta({ id: 'ScopeExplain' })

const verdict = z.enum(['allowed', 'denied', 'unknown'])

export const scopeSimulateOutput = z
  .strictObject({
    target: z.string(),
    action: z.string(),
    resource: z.string(),
    answer: verdict,
    why: z.string(),
    /** The statement that decided. */
    by: z.object({ kind: z.string(), statement: z.looseObject({}) }).optional(),
    class: z.string().optional(),
    nearest: z.string().optional(),
    /** What IAM's own simulator says, with `--aws`. */
    iam: z
      .strictObject({ answer: verdict, missing: z.array(z.string()), agrees: z.boolean() })
      .optional(),
  })
  .meta({ id: 'ScopeSimulate' })

export type ScopeNewOutput = z.infer<typeof scopeNewOutput>
export type ScopeDiffOutput = z.infer<typeof scopeDiffOutput>
export type ScopeSimulateOutput = z.infer<typeof scopeSimulateOutput>
export type ScopeListOutput = z.infer<typeof scopeListOutput>
export type ScopeShowOutput = z.infer<typeof scopeShowOutput>
export type ScopeLintOutput = z.infer<typeof scopeLintOutput>
