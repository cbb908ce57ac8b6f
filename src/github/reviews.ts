import { createHash } from 'node:crypto'
import type { Word } from '../approval/approval.ts'
import type { Evidence } from '../approval/evidence.ts'
import { type GithubConfig, REVIEWS_ISSUER } from '../config/github.ts'
import { CredctlError, isCredctlError } from '../errors.ts'
import type { Caller } from '../identity/caller.ts'
import { readBounded } from '../identity/download.ts'
import type { ApprovalState } from '../ledger/ledger.ts'
import type { ResolveSecret } from '../secret/resolve.ts'
import {
  type Approver,
  answerSchema,
  approversOf,
  QUERY,
  type ReviewedCommit,
} from './pull-request.ts'

const TIMEOUT_MS = 5_000
const MAX_ANSWER_BYTES = 1024 * 1024

/** Asks GitHub who approved the commit that a job runs. Nothing is cached: reviews are dismissed. */
export class GithubReviews implements Evidence {
  readonly #config: GithubConfig
  readonly #resolve: ResolveSecret
  readonly #onFailure: (error: CredctlError) => void

  constructor(
    config: GithubConfig,
    resolve: ResolveSecret,
    onFailure: (error: CredctlError) => void,
  ) {
    this.#config = config
    this.#resolve = resolve
    this.#onFailure = onFailure
  }

  /** None for callers of other issuers, and none while GitHub gives no usable answer. */
  async wordsFor(caller: Caller, state: ApprovalState): Promise<readonly Word[]> {
    const commit = caller.issuer === this.#config.issuer ? commitOf(caller) : undefined
    if (commit === undefined) return []
    try {
      return await this.#wordsAbout(commit, state)
    } catch (error) {
      if (!isCredctlError(error)) throw error
      this.#onFailure(error)
      return []
    }
  }

  async #wordsAbout(commit: Commit, state: ApprovalState): Promise<readonly Word[]> {
    const text = await this.#ask(commit)
    const { repository } = parsed(text)
    // A name changes hands; the id in the token does not.
    if (String(repository?.databaseId) !== commit.repositoryId) return []
    const pullRequests = repository?.object?.associatedPullRequests?.nodes ?? []
    const token = `sha256:${createHash('sha256').update(text).digest('hex')}` as const
    return approversOf(pullRequests, commit).map((approver) => ({
      id: state.id,
      verdict: 'approve',
      plan: state.plan,
      by: this.#personOf(approver, token),
      via: 'github',
      facts: { pull_request: approver.pullRequest, review: approver.review, commit: commit.oid },
    }))
  }

  /** A review proves a login at GitHub and nothing stronger. */
  #personOf({ user }: Approver, token: Caller['token']): Caller {
    const { people } = this.#config
    const person = Object.hasOwn(people, user) ? { person: people[user] ?? '' } : {}
    const claims = { user, ...person }
    return {
      class: 'human',
      issuer: REVIEWS_ISSUER,
      subject: user,
      claims,
      roles: ['approver'],
      token,
    }
  }

  async #ask({ owner, name, oid }: Commit): Promise<string> {
    const bearer = (await this.#resolve(this.#config.token)).reveal()
    const request: RequestInit = {
      method: 'POST',
      headers: {
        authorization: `Bearer ${bearer}`,
        'content-type': 'application/json',
        'user-agent': 'credctl',
      },
      body: JSON.stringify({ query: QUERY, variables: { owner, name, oid } }),
      redirect: 'manual',
      signal: AbortSignal.timeout(TIMEOUT_MS),
    }
    const { status, text } = await exchange(`${this.#config.api}/graphql`, request)
    if (status === 200) return text
    throw new CredctlError('unavailable', `GitHub answers with status ${status}`)
  }
}

interface Commit extends ReviewedCommit {
  readonly owner: string
  readonly name: string
}

/** Claims that GitHub always sends: what lacks one of them is no job that could show a review. */
function commitOf({ claims }: Caller): Commit | undefined {
  const text = (name: string) => {
    const value = Object.hasOwn(claims, name) ? claims[name] : undefined
    return typeof value === 'string' ? value : ''
  }
  const [, owner, name] =
    /^([A-Za-z0-9_.-]{1,100})\/([A-Za-z0-9_.-]{1,100})$/.exec(text('repository')) ?? []
  const oid = text('sha')
  const [repositoryId, actor] = [text('repository_id'), text('actor_id')]
  const isWhole =
    /^[0-9a-f]{40}$/.test(oid) && /^[0-9]+$/.test(repositoryId) && /^[0-9]+$/.test(actor)
  if (owner === undefined || name === undefined || !isWhole) return undefined
  return { owner, name, oid, repositoryId, actor }
}

function parsed(text: string) {
  try {
    return answerSchema.parse(JSON.parse(text)).data
  } catch (cause) {
    throw new CredctlError('unavailable', 'GitHub’s answer is not understood', { cause })
  }
}

/** The whole of it: an answer that breaks off, stalls or does not end is none. */
async function exchange(
  url: string,
  request: RequestInit,
): Promise<{ readonly status: number; readonly text: string }> {
  try {
    const response = await fetch(url, request)
    const body = await readBounded(response, MAX_ANSWER_BYTES)
    return { status: response.status, text: body.toString('utf8') }
  } catch (cause) {
    throw new CredctlError('unavailable', 'GitHub gives no whole answer', { cause })
  }
}
