import type { ApprovalGiven, GrantDecided } from '../entry.ts'

/** A request for approval as its entries so far tell it: plain data, to go on with it later. */
export interface Waiting {
  readonly requester: string
  readonly plan: string | undefined
  readonly expires: number
  readonly needs: readonly { readonly group: string; readonly count: number }[]
  readonly spoken: string[]
  readonly approved: Record<string, number>
  status: 'pending' | 'approved' | 'denied' | 'over'
}

type Asked = Pick<GrantDecided, 'caller' | 'plan'> & Required<Pick<GrantDecided, 'approval'>>
type Word = Pick<ApprovalGiven, 'by' | 'verdict' | 'group' | 'plan' | 'settles'>

export function beginWaiting({ caller, plan, approval }: Asked): Waiting {
  return {
    requester: identity(caller),
    plan,
    expires: Date.parse(approval.expires),
    needs: approval.needs,
    spoken: [],
    approved: {},
    status: 'pending',
  }
}

/** Takes a person's word in. What is wrong with it, or undefined. */
export function hearWord(waiting: Waiting, word: Word, time: number): string | undefined {
  const who = identity(word.by)
  const problem = wordProblem(waiting, word, who, time)
  waiting.spoken.push(who)
  if (word.verdict === 'approve') {
    waiting.approved[word.group] = (waiting.approved[word.group] ?? 0) + 1
  }
  const settles = word.verdict === 'deny' ? 'denied' : isMet(waiting) ? 'approved' : undefined
  if (settles !== undefined) waiting.status = settles
  if (problem !== undefined || word.settles === settles) return problem
  return 'settles a request otherwise than the words about it do'
}

/** What is wrong with an `allow` that follows a request, or undefined. */
export function redemptionProblem(
  waiting: Waiting,
  { plan }: { readonly plan: string | undefined },
  time: number,
): string | undefined {
  if (waiting.status !== 'approved') return 'allows what people have not approved'
  if (plan !== waiting.plan) return 'allows another plan than the one people approved'
  return time >= waiting.expires ? 'allows by an approval that was over' : undefined
}

function wordProblem(
  waiting: Waiting,
  { by, group, plan }: Word,
  who: string,
  time: number,
): string | undefined {
  if (waiting.status !== 'pending') return 'is a word on a request that was settled'
  if (who === waiting.requester) return 'is a word of the requester on its own request'
  if (by.class !== 'human' || by.actor !== undefined)
    return 'is a word of somebody who is no person'
  if (waiting.spoken.includes(who)) return 'is a second word of the same person'
  if (!waiting.needs.some((need) => need.group === group)) {
    return 'speaks for a group that nobody asked'
  }
  if (plan !== waiting.plan) return 'is about another plan than the one asked for'
  return time >= waiting.expires ? 'comes after the end of its request' : undefined
}

function isMet({ needs, approved }: Waiting): boolean {
  return needs.every(({ group, count }) => (approved[group] ?? 0) >= count)
}

function identity({ issuer, subject }: { readonly issuer: string; readonly subject: string }) {
  return JSON.stringify([issuer, subject])
}
