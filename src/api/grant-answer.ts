import { TASK_DETAILS_TYPE, TOKEN_TYPES, type TokenAnswer } from '../contract.ts'
import type { Grant } from '../decision/decide.ts'
import type { Ask } from '../decision/evaluate.ts'
import type { GrantAnswer } from '../lifecycle/granting.ts'
import type { ApiParts } from './parts.ts'

export type Allowed = Extract<GrantAnswer, { outcome: 'allow' }>

/** A grant as its caller gets it; bound to `thumbprint` when the request proved a key. */
export async function tokenAnswer(
  parts: ApiParts,
  thumbprint: string | undefined,
  { ask, grant, guarantees }: Allowed,
): Promise<TokenAnswer> {
  const { caller } = grant
  const accessToken = await parts.grantTokens.issue({
    grant: grant.id,
    subject: caller.subject,
    client: caller.issuer,
    scope: ask.scope,
    environment: ask.environment,
    plan: grant.plan.digest,
    issuedAt: grant.issuedAt,
    expiresAt: grant.expiresAt,
    ...(caller.actor === undefined ? {} : { actor: caller.actor }),
    ...(thumbprint === undefined ? {} : { thumbprint }),
  })
  return {
    access_token: accessToken,
    issued_token_type: TOKEN_TYPES.access,
    token_type: thumbprint === undefined ? 'Bearer' : 'DPoP',
    expires_in: Math.floor((grant.expiresAt.getTime() - grant.issuedAt.getTime()) / 1000),
    authorization_details: [
      {
        type: TASK_DETAILS_TYPE,
        ...wireAsk(ask),
        grant: grant.id,
        plan: grant.plan.digest,
        expires_at: grant.expiresAt.toISOString(),
        targets: targetsOf(parts, grant, guarantees),
        blast_radius: wireBlastRadius(grant),
      },
    ],
  }
}

function wireAsk({ redacted, breakGlass, ...ask }: Ask) {
  return {
    ...ask,
    ...(breakGlass === true ? { break_glass: true as const } : {}),
    ...(redacted === undefined ? {} : { redacted: [...redacted] }),
  }
}

function targetsOf(parts: ApiParts, grant: Grant, guarantees: Allowed['guarantees']) {
  const targets = Object.entries(grant.plan.targets).map(([name, target]) => [
    name,
    {
      kind: target.kind,
      ...(target.kind === 'aws' ? { region: target.region } : {}),
      credential_endpoint: `${parts.url}/v1/credentials/${name}`,
      guarantees: [...(guarantees[name] ?? [])],
    },
  ])
  return Object.fromEntries(targets)
}

function wireBlastRadius(grant: Grant) {
  const { accounts, ...rest } = grant.plan.blastRadius
  return { ...rest, accounts: [...accounts] }
}
