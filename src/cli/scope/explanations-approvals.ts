/** Codes that are about people who have to agree, or have. */
export const OF_APPROVALS = {
  threshold_refused: {
    means: 'A rule of the operator or of the scope refuses what the plan can reach.',
    next: 'Ask for less, or ask whoever owns the rule: its name stands in the reason.',
  },
  approval_required: {
    means: 'People must agree to this plan first.',
    next: 'Repeat the same request once it is approved, or let the client wait for it.',
  },
  approval_denied: {
    means: 'A person looked at the request and denied it.',
    next: 'credctl approval show tells who and why.',
  },
  approval_expired: {
    means: 'The approval, or the request for it, is past its time.',
    next: 'Ask again.',
  },
  too_many_waiting: {
    means: 'This caller already has as many requests waiting for people as one caller may.',
    next: 'Wait until some are decided, or take some back with credctl grant revoke.',
  },
  approval_void: {
    means: 'The scope, its plan, the intent or the caller changed since people agreed.',
    next: 'Ask again: they agreed to something else.',
  },
  break_glass_refused: {
    means: 'An emergency was claimed by somebody who has none, or none are configured.',
    next: 'Ask without it; docs/approvals.md says who may.',
  },
  standing_approval: {
    means: 'The operator allows this kind of request without asking a person each time.',
    next: 'Nothing; its name in the configuration has the reason, and until when.',
  },
  approved: {
    means: 'Enough people agreed to exactly this request.',
    next: 'Nothing.',
  },
  approval_not_found: {
    means: 'There is no such request for approval, or none for this person to see.',
    next: 'credctl approval list shows those that wait.',
  },
  approval_settled: {
    means: 'The request was decided, withdrawn or over before this word came.',
    next: 'credctl approval show tells how it stands.',
  },
  approval_not_yours: {
    means: 'This person cannot decide this request: own requests, other groups, delegated tokens.',
    next: 'Ask a member of the groups that the request needs.',
  },
} as const
