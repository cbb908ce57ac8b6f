import { z } from 'zod'

const oid = z.string().regex(/^[0-9a-f]{40}$/)

/** Bots, mannequins and deleted accounts are no people: they have no such id. */
const account = z
  .object({ __typename: z.string(), databaseId: z.int().positive().optional() })
  .nullable()

const review = z.object({
  databaseId: z.int().positive(),
  state: z.string(),
  author: account,
  commit: z.object({ oid }).nullable(),
})

const pullRequest = z.object({
  number: z.int().positive(),
  baseRepository: z.object({ databaseId: z.int().positive() }).nullable(),
  merged: z.boolean(),
  headRefOid: oid,
  mergeCommit: z.object({ oid }).nullable(),
  author: account,
  reviewDecision: z.string().nullable(),
  latestOpinionatedReviews: z.object({ nodes: z.array(review) }),
})
export type PullRequest = z.infer<typeof pullRequest>

/** What the query below answers. */
export const answerSchema = z.object({
  data: z.object({
    repository: z
      .object({
        databaseId: z.int().positive(),
        object: z
          .object({ associatedPullRequests: z.object({ nodes: z.array(pullRequest) }).optional() })
          .nullable(),
      })
      .nullable(),
  }),
})

/** Only reviews of people who can write there; of each, the latest that approves or objects. */
export const QUERY = `query ($owner: String!, $name: String!, $oid: GitObjectID!) {
  repository(owner: $owner, name: $name) {
    databaseId
    object(oid: $oid) { ... on Commit { associatedPullRequests(first: 10) { nodes {
      number baseRepository { databaseId } merged headRefOid mergeCommit { oid } reviewDecision
      author { __typename ... on User { databaseId } }
      latestOpinionatedReviews(first: 50, writersOnly: true) { nodes {
        databaseId state commit { oid } author { __typename ... on User { databaseId } }
      } }
    } } } }
  }
}`

export interface Approver {
  /** Numeric id of the account, as text. */
  readonly user: string
  readonly pullRequest: number
  readonly review: number
}

/** What a job runs, by its token. */
export interface ReviewedCommit {
  readonly oid: string
  /** Numeric ids, as text. */
  readonly repositoryId: string
  readonly actor: string
}

/**
 * Who approved exactly what this commit is: the head of a pull request, or the commit that merged
 * it. Forks share their commits, and in a pull request into one its owner says who reviews. A review of an earlier head is about something else. Neither the author nor whoever started
 * the job approves their own; where GitHub itself still wants reviews (of code owners, say), nobody
 * has.
 */
export function approversOf(
  pullRequests: readonly PullRequest[],
  commit: ReviewedCommit,
): readonly Approver[] {
  return pullRequests
    .filter((each) => isOf(each, commit))
    .flatMap((each) => approvers(each, commit.actor))
}

function isOf(
  { baseRepository, headRefOid, merged, mergeCommit }: PullRequest,
  { oid: sha, repositoryId }: ReviewedCommit,
): boolean {
  if (String(baseRepository?.databaseId) !== repositoryId) return false
  return headRefOid === sha || (merged && mergeCommit?.oid === sha)
}

function approvers(
  { number, headRefOid, author, reviewDecision, latestOpinionatedReviews }: PullRequest,
  actor: string,
): Approver[] {
  if (reviewDecision !== 'APPROVED') return []
  const own = [actor, String(author?.databaseId ?? '')]
  return latestOpinionatedReviews.nodes.flatMap((each) => {
    const user = each.author?.__typename === 'User' ? String(each.author.databaseId ?? '') : ''
    const counts =
      each.state === 'APPROVED' &&
      each.commit?.oid === headRefOid &&
      user !== '' &&
      !own.includes(user)
    return counts ? [{ user, pullRequest: number, review: each.databaseId }] : []
  })
}
