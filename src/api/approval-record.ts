import type { ApprovalRecord } from '../contract/approvals.ts'
import type { Actor } from '../identity/caller.ts'
import type { ApprovalState } from '../ledger/ledger.ts'

/** A request for approval as the API shows it; `hindrance` is about whoever looks. */
export function approvalRecord(state: ApprovalState, hindrance?: string): ApprovalRecord {
  const { caller, asked, blastRadius, given } = state
  const actors = chainOf(caller.actor)
  return {
    id: state.id,
    status: state.status,
    binding_code: asked.code,
    scope: state.scope,
    scope_digest: state.scopeDigest,
    environment: state.environment,
    plan: state.plan,
    parameters: { ...state.parameters },
    intent: state.intent,
    caller: {
      class: caller.class,
      issuer: caller.issuer,
      subject: caller.subject,
      ...(actors.length === 0 ? {} : { actors }),
    },
    ...(blastRadius === undefined
      ? {}
      : { blast_radius: { ...blastRadius, accounts: [...blastRadius.accounts] } }),
    ...(state.breakGlass ? { break_glass: true as const } : {}),
    rules: [...asked.rules],
    needs: asked.needs.map(({ group, count }) => ({
      group,
      count,
      given: given.filter((each) => each.verdict === 'approve' && each.group === group).length,
    })),
    reason_required: asked.reason_required,
    asked_at: state.askedAt.toISOString(),
    expires_at: state.expiresAt.toISOString(),
    verdicts: given.map(({ verdict, by, group, reason, time, via }) => ({
      verdict,
      issuer: by.issuer,
      subject: by.subject,
      group,
      ...(reason === undefined ? {} : { reason }),
      at: time,
      via,
    })),
    ...(hindrance === undefined ? {} : { hindrance }),
  }
}

function chainOf(actor: Actor | undefined): string[] {
  return actor === undefined ? [] : [actor.sub, ...chainOf(actor.act)]
}
