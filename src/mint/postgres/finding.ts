import type { ACCEPTABLE_FINDINGS, Acceptance } from '../../environment/target-postgres.ts'

/** What the preflight can find; those that no operator can accept stand here, the rest there. */
export type FindingName =
  | (typeof ACCEPTABLE_FINDINGS)[number]
  | 'database_create'
  | 'delegation_missing'
  | 'group_role'
  | 'owned_object'
  | 'relation_kind'
  | 'relation_missing'
  | 'row_security_missing'
  | 'schema_create'
  | 'catalog_secret'

/** Something on the live server that gives a credential more, or less, than its plan. */
export interface Finding {
  readonly finding: FindingName
  /** The object as SQL would write it. */
  readonly object: string
  readonly message: string
  /** The statement that ends it, where one statement can. */
  readonly fix?: string
  /** `blocks`: nothing is minted. `accepted`: it would block or warn, but an operator took it on. */
  readonly status: 'blocks' | 'warns' | 'accepted'
  /** Why it was accepted. */
  readonly reason?: string
}

/** Findings with the operator's word on them; acceptances never reach what cannot be accepted. */
export function judge(
  found: readonly Finding[],
  acceptances: readonly Acceptance[],
): readonly Finding[] {
  return found.map((finding) => {
    const accepted = acceptances.find(
      ({ finding: name, object }) =>
        name === finding.finding && (object === undefined || object === finding.object),
    )
    if (accepted === undefined) return finding
    return { ...finding, status: 'accepted', reason: accepted.reason }
  })
}

export function blocking(findings: readonly Finding[]): readonly Finding[] {
  return findings.filter(({ status }) => status === 'blocks')
}
