import { readFile } from 'node:fs/promises'
import { type Config, requireConfig } from '../../config.ts'
import { CredctlError } from '../../errors.ts'
import { type Policy, parsePolicy } from '../../ledger/policy.ts'
import type { DecisionReview } from '../../ledger/verify/decisions.ts'
import type { SeenHead, Verifier } from '../../ledger/verify.ts'
import { policyOf } from '../../publish/configured.ts'
import type { Cli } from '../cli.ts'
import { type AnchorEvidence, parseAnchors, readAnchors } from './anchors.ts'
import { SeenHeads } from './heads.ts'
import { readKeys } from './source.ts'

export type EvidenceFlags = {
  readonly key?: readonly string[]
  readonly policy?: string
  readonly anchor?: readonly string[]
  readonly scopes?: string
  readonly config?: string
}

/** Everything a verification holds a log against. */
export interface Evidence {
  readonly keys: readonly Verifier[]
  readonly policy: Policy | undefined
  readonly remembered: readonly SeenHead[]
  readonly anchors: readonly AnchorEvidence[]
  readonly review: DecisionReview | undefined
}

/** Errors: `usage` without any key of a log, and those of what is read. */
export async function gatherEvidence(cli: Cli, flags: EvidenceFlags): Promise<Evidence> {
  const { env } = cli.process
  const config = flags.config === undefined ? undefined : await requireConfig(flags.config)
  const { keys, policy } = await readTrust(flags, config)
  const origins = [...new Set(keys.map(({ name }) => name))]
  const remembered = await Promise.all(origins.map((origin) => new SeenHeads(origin, env).load()))
  const review = await readReview(flags, config, env)
  const anchors = await readAll(flags, config, { keys, policy, origins, env })
  return { keys, policy, remembered: remembered.flat(), anchors, review }
}

export interface Trust {
  readonly keys: readonly Verifier[]
  readonly policy: Policy | undefined
}

/** Whose word counts: keys of the log, and witnesses. Errors: `usage`, `log_invalid`. */
export async function readTrust(
  flags: Pick<EvidenceFlags, 'key' | 'policy'>,
  config?: Config,
): Promise<Trust> {
  const policy = await readPolicy(flags, config)
  const keys = uniqueKeys([...(await readKeys({ key: flags.key ?? [] })), ...(policy?.logs ?? [])])
  if (keys.length > 0) return { keys, policy }
  throw new CredctlError('usage', 'no key of a log is given', {
    hint: 'Give --key, or --policy with a file that names the log.',
  })
}

/** A file says what its reader trusts; without one, the configuration says what the broker does. */
async function readPolicy(flags: Pick<EvidenceFlags, 'policy'>, config: Config | undefined) {
  if (flags.policy === undefined) return config?.witnesses && policyOf(config.witnesses)
  const { policy: file } = flags
  const bytes = await readFile(file).catch((cause: unknown) => {
    throw new CredctlError('usage', `${file} cannot be read`, { cause })
  })
  return parsePolicy(bytes)
}

function uniqueKeys(keys: readonly Verifier[]): Verifier[] {
  return [...new Map(keys.map((key) => [key.vkey, key])).values()]
}

async function readReview(
  { scopes }: EvidenceFlags,
  config: Config | undefined,
  env: NodeJS.ProcessEnv,
): Promise<DecisionReview | undefined> {
  if (scopes === undefined) return undefined
  // Planning knows every action of AWS: only who reviews decisions pays for loading it.
  const { DecisionReview } = await import('../../ledger/verify/decisions.ts')
  const { reviewedScopes } = await import('./reviewed-scopes.ts')
  const reviewed = await reviewedScopes(scopes, env)
  if (config === undefined) return new DecisionReview({ scopes: reviewed })
  const { environments, approvals: policy } = config
  return new DecisionReview({ scopes: reviewed, environments, policy })
}

interface Known {
  readonly keys: readonly Verifier[]
  readonly policy: Policy | undefined
  readonly origins: readonly string[]
  readonly env: NodeJS.ProcessEnv
}

async function readAll(
  { anchor = [] }: EvidenceFlags,
  config: Config | undefined,
  { keys, policy, origins, env }: Known,
): Promise<readonly AnchorEvidence[]> {
  const sections = { ...config?.anchors, ...parseAnchors(anchor) }
  const witnesses = [...(policy?.witnesses.values() ?? [])]
  const surroundings = { now: () => new Date(), environment: env }
  const read = origins.map((origin) =>
    readAnchors(origin, sections, { keys, witnesses }, surroundings),
  )
  return (await Promise.all(read)).flat()
}
