import { z } from 'zod'
import { fields, refuse } from '../document/fields.ts'
import { slug } from '../document/text.ts'
import { ALWAYS, type Schedule } from './schedule.ts'
import { awsTarget } from './target-aws.ts'
import { postgresTarget } from './target-postgres.ts'
import { vaultAwsTarget, vaultMysqlTarget, vaultPostgresTarget } from './target-vault.ts'

/** Operators decide what is production; a scope can only name an environment, never define one. */
export const environmentClass = z.enum(['prod', 'nonprod'])
export type EnvironmentClass = z.infer<typeof environmentClass>

/** How much those who decide their own steps may do before a person is asked. */
export const AUTONOMY_LEVELS = ['restricted', 'supervised', 'full'] as const
export type Autonomy = (typeof AUTONOMY_LEVELS)[number]

const target = z.union([
  fields({ postgres: postgresTarget }),
  fields({ aws: awsTarget }),
  fields({ vault_postgres: vaultPostgresTarget }),
  fields({ vault_mysql: vaultMysqlTarget }),
  fields({ vault_aws: vaultAwsTarget }),
])

export const environmentSchema = fields({
  class: environmentClass,
  /** How much agents may do here before a person is asked; `supervised` when absent. */
  autonomy: z.enum(AUTONOMY_LEVELS).optional(),
  targets: z.record(slug, target),
  /** Windows of which one must be open; without any, time does not matter. */
  windows: z.array(slug).max(20).default([]),
}).superRefine((environment, context) => {
  if (environment.class !== 'prod' || environment.autonomy !== 'full') return
  const message = 'nobody acts in a prod environment without supervision'
  refuse(context, message, { path: ['autonomy'], expected: 'restricted or supervised' })
})

/** A named thing that credentials are for, tagged by its kind. */
export type Target =
  | ({ readonly kind: 'postgres' } & z.infer<typeof postgresTarget>)
  | ({ readonly kind: 'aws' } & z.infer<typeof awsTarget>)
  | ({ readonly kind: 'vault_postgres' } & z.infer<typeof vaultPostgresTarget>)
  | ({ readonly kind: 'vault_mysql' } & z.infer<typeof vaultMysqlTarget>)
  | ({ readonly kind: 'vault_aws' } & z.infer<typeof vaultAwsTarget>)

export interface Environment {
  readonly name: string
  readonly class: EnvironmentClass
  /** `supervised` when absent. */
  readonly autonomy?: Autonomy
  readonly targets: Readonly<Record<string, Target>>
  /** When it may be asked for. */
  readonly schedule: Schedule
}

export function toEnvironment(
  name: string,
  parsed: Pick<z.infer<typeof environmentSchema>, 'class' | 'targets' | 'autonomy'>,
  schedule: Schedule = ALWAYS,
): Environment {
  const targets = Object.entries(parsed.targets).map(([key, value]) => [key, tagged(value)])
  const { autonomy } = parsed
  return {
    name,
    class: parsed.class,
    ...(autonomy === undefined ? {} : { autonomy }),
    targets: Object.fromEntries(targets),
    schedule,
  }
}

function tagged(value: z.infer<typeof target>): Target {
  if ('postgres' in value) return { kind: 'postgres', ...value.postgres }
  if ('aws' in value) return { kind: 'aws', ...value.aws }
  if ('vault_mysql' in value) return { kind: 'vault_mysql', ...value.vault_mysql }
  return 'vault_postgres' in value
    ? { kind: 'vault_postgres', ...value.vault_postgres }
    : { kind: 'vault_aws', ...value.vault_aws }
}
