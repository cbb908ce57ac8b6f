import { z } from 'zod'
import { fields } from '../document/fields.ts'
import { slug } from '../document/text.ts'
import { awsTarget } from './target-aws.ts'
import { postgresTarget } from './target-postgres.ts'
import { vaultAwsTarget, vaultPostgresTarget } from './target-vault.ts'

/** Operators decide what is production; a scope can only name an environment, never define one. */
export const environmentClass = z.enum(['prod', 'nonprod'])
export type EnvironmentClass = z.infer<typeof environmentClass>

const target = z.union([
  fields({ postgres: postgresTarget }),
  fields({ aws: awsTarget }),
  fields({ vault_postgres: vaultPostgresTarget }),
  fields({ vault_aws: vaultAwsTarget }),
])

export const environmentSchema = fields({
  class: environmentClass,
  targets: z.record(slug, target),
})

/** A named thing that credentials are for, tagged by its kind. */
export type Target =
  | ({ readonly kind: 'postgres' } & z.infer<typeof postgresTarget>)
  | ({ readonly kind: 'aws' } & z.infer<typeof awsTarget>)
  | ({ readonly kind: 'vault_postgres' } & z.infer<typeof vaultPostgresTarget>)
  | ({ readonly kind: 'vault_aws' } & z.infer<typeof vaultAwsTarget>)

export interface Environment {
  readonly name: string
  readonly class: EnvironmentClass
  readonly targets: Readonly<Record<string, Target>>
}

export function toEnvironment(
  name: string,
  parsed: z.infer<typeof environmentSchema>,
): Environment {
  const targets = Object.entries(parsed.targets).map(([key, value]) => [key, tagged(value)])
  return { name, class: parsed.class, targets: Object.fromEntries(targets) }
}

function tagged(value: z.infer<typeof target>): Target {
  if ('postgres' in value) return { kind: 'postgres', ...value.postgres }
  if ('aws' in value) return { kind: 'aws', ...value.aws }
  return 'vault_postgres' in value
    ? { kind: 'vault_postgres', ...value.vault_postgres }
    : { kind: 'vault_aws', ...value.vault_aws }
}
