/** A pull request as GitHub's GraphQL API answers; what a test is about is changed. */
export const HEAD = 'a'.repeat(40)
export const MERGE = 'b'.repeat(40)
export const AUTHOR = 1001
export const REVIEWER = 2002
export const REPOSITORY_ID = '81234567'

export function user(databaseId: number) {
  return { __typename: 'User', databaseId }
}

export function review(changes: object = {}) {
  return {
    databaseId: 77,
    state: 'APPROVED',
    commit: { oid: HEAD },
    author: user(REVIEWER),
    ...changes,
  }
}

export function pullRequest(changes: object = {}, reviews: readonly object[] = [review()]) {
  return {
    number: 42,
    baseRepository: { databaseId: Number(REPOSITORY_ID) },
    merged: true,
    headRefOid: HEAD,
    mergeCommit: { oid: MERGE },
    reviewDecision: 'APPROVED',
    author: user(AUTHOR),
    latestOpinionatedReviews: { nodes: reviews },
    ...changes,
  }
}

export function answer(pullRequests: readonly object[], databaseId = Number(REPOSITORY_ID)) {
  const object = { associatedPullRequests: { nodes: pullRequests } }
  return { data: { repository: { databaseId, object } } }
}
