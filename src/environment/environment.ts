import { z } from 'zod'
import { fields } from '../document/fields.ts'
import { slug } from '../document/text.ts'
import { awsTarget } from './target-aws.ts'
import { postgresTarget } from './target-postgres.ts'

/** Operators decide what is production; a scope can only name an environment, never define one. */
export const environmentClass = z.enum(['prod', 'nonprod'])
export type EnvironmentClass = z.infer<typeof environmentClass>

const target = z.union([fields({ postgres: postgresTarget }), fields({ aws: awsTarget })])

export const environmentSchema = fields({
  class: environmentClass,
  targets: z.record(slug, target),
})

/** A named thing that credentials are for, tagged by its kind. */
export type Target =
  | ({ readonly kind: 'postgres' } & z.infer<typeof postgresTarget>)
  | ({ readonly kind: 'aws' } & z.infer<typeof awsTarget>)

export interface Environment {
  readonly name: string
  readonly class: EnvironmentClass
  readonly targets: Readonly<Record<string, Target>>
}

export function toEnvironment(
  name: string,
  parsed: z.infer<typeof environmentSchema>,
): Environment {
  const targets = Object.entries(parsed.targets).map(([key, value]): [string, Target] => [
    key,
    'postgres' in value ? { kind: 'postgres', ...value.postgres } : { kind: 'aws', ...value.aws },
  ])
  return { name, class: parsed.class, targets: Object.fromEntries(targets) }
}
