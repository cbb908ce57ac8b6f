import type { Config } from '../config.ts'
import type { Target } from '../environment/environment.ts'
import { CredctlError } from '../errors.ts'
import type { Mint } from '../mint/mint.ts'
import { Mints } from '../mint/mints.ts'
import { postgresMint } from '../mint/postgres/mint.ts'
import { stsMint } from '../mint/sts/mint.ts'
import { stsPace } from '../mint/sts/pace.ts'
import { VaultAwsMint } from '../mint/vault/aws.ts'
import { vaultMysqlMint } from '../mint/vault/mysql.ts'
import { vaultPostgresMint } from '../mint/vault/postgres.ts'
import type { Secrets } from '../secrets.ts'
import type { Here } from './surroundings.ts'

/** One mint for each target; none of them connects before its first use. */
export function mintsOf(config: Config, here: Here, secrets: Secrets): Mints {
  const pace = stsPace()
  const entries = [...config.environments.values()].flatMap((environment) =>
    Object.entries(environment.targets).map(([name, target]): [string, string, Mint] => [
      environment.name,
      name,
      mintOf(target, here, secrets, pace),
    ]),
  )
  return new Mints(entries)
}

function mintOf(
  target: Target,
  { clock, random, aws }: Here,
  { resolve, vault }: Secrets,
  pace: ReturnType<typeof stsPace>,
): Mint {
  if (target.kind === 'postgres') return postgresMint(target, { resolve, clock, random })
  if (target.kind === 'aws') {
    const client = aws === undefined ? {} : { client: aws }
    return stsMint(target, { clock, random, pace, ...client })
  }
  if (vault === undefined) throw new CredctlError('config_invalid', 'there is no section vault')
  if (target.kind === 'vault_aws') return new VaultAwsMint(target, { vault, clock })
  return target.kind === 'vault_mysql'
    ? vaultMysqlMint(target, { vault, clock })
    : vaultPostgresMint(target, { vault, clock, resolve })
}
