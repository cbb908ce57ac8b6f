import { describe, expect, test } from 'vitest'
import { answerSchema, approversOf } from '../../src/github/pull-request.ts'
import {
  AUTHOR,
  answer,
  HEAD,
  MERGE,
  pullRequest,
  REPOSITORY_ID,
  REVIEWER,
  review,
  user,
} from './answer.ts'

const ACTOR = '3003'

function approvers(pullRequests: readonly object[], sha = MERGE, actor = ACTOR) {
  const { repository } = answerSchema.parse(answer(pullRequests)).data
  const nodes = repository?.object?.associatedPullRequests?.nodes ?? []
  return approversOf(nodes, { oid: sha, repositoryId: REPOSITORY_ID, actor }).map(
    (each) => each.user,
  )
}

describe('who approved a commit', () => {
  test('is the reviewer of the pull request that it merged, or whose head it is', () => {
    expect(approvers([pullRequest()])).toEqual([String(REVIEWER)])
    expect(approvers([pullRequest({ merged: false, mergeCommit: null })], HEAD)).toEqual([
      String(REVIEWER),
    ])
  })

  test.each([
    ['another commit', [pullRequest()], 'c'.repeat(40)],
    ['the test merge of a request that is not merged', [pullRequest({ merged: false })], MERGE],
    [
      'one where reviews are still required',
      [pullRequest({ reviewDecision: 'REVIEW_REQUIRED' })],
      MERGE,
    ],
    ['one with a change requested', [pullRequest({ reviewDecision: 'CHANGES_REQUESTED' })], MERGE],
    ['one where GitHub requires no review', [pullRequest({ reviewDecision: null })], MERGE],
    [
      'one into a fork, where somebody else says who may write',
      [pullRequest({ baseRepository: { databaseId: 999 } })],
      MERGE,
    ],
    ['one into a repository that is gone', [pullRequest({ baseRepository: null })], MERGE],
    ['one without reviews', [pullRequest({}, [])], MERGE],
  ])('is nobody for %s', (_what, pullRequests, sha) => {
    expect(approvers(pullRequests, sha)).toEqual([])
  })

  test.each([
    ['of an earlier head', { commit: { oid: 'd'.repeat(40) } }],
    ['of no commit', { commit: null }],
    ['that objects', { state: 'CHANGES_REQUESTED' }],
    ['that was dismissed', { state: 'DISMISSED' }],
    ['that only comments', { state: 'COMMENTED' }],
    ['of the author', { author: user(AUTHOR) }],
    ['of whoever started the job', { author: user(Number(ACTOR)) }],
    ['of a bot', { author: { __typename: 'Bot' } }],
    ['of a bot that says it has an id', { author: { __typename: 'Bot', databaseId: REVIEWER } }],
    ['of a deleted account', { author: null }],
  ])('is not whose review is one %s', (_what, changes) => {
    expect(approvers([pullRequest({}, [review(changes)])])).toEqual([])
  })

  test.each([
    ['no repository', { data: { repository: null } }],
    ['no such commit', { data: { repository: { databaseId: 1, object: null } } }],
    ['something that is no commit', { data: { repository: { databaseId: 1, object: {} } } }],
  ])('is nobody where there is %s', (_what, body) => {
    expect(answerSchema.safeParse(body).success).toBe(true)
  })

  test.each([
    ['errors', { errors: [{ message: 'Bad credentials' }] }],
    ['a number for a commit', answer([pullRequest({ headRefOid: 7 })])],
    [
      'text for an id',
      answer([pullRequest({}, [review({ author: { __typename: 'User', databaseId: 'x' } })])]),
    ],
  ])('cannot be told from %s', (_what, body) => {
    expect(answerSchema.safeParse(body).success).toBe(false)
  })
})
