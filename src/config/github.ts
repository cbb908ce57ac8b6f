import { z } from 'zod'
import type { Problem } from '../document/diagnostic.ts'
import { fields } from '../document/fields.ts'
import { slug } from '../document/text.ts'
import { exactUrl } from '../identity/exact-url.ts'
import { secretReference } from '../secret/reference.ts'
import type { ApprovalsConfig } from './approvals.ts'

/** What reviewers are called where issuers are named: no issuer may bear it. */
export const REVIEWS_ISSUER = 'github-reviews'

/** Pull-request reviews that count as approvals for jobs that run what was reviewed. */
export const githubSection = fields({
  /** Name of the issuer whose tokens say which commit a job runs. */
  issuer: slug,
  api: exactUrl.default('https://api.github.com'),
  /** Reads pull requests of those repositories, and nothing else. */
  token: secretReference,
  /** By numeric user id, what `same_person` claims of other issuers say of that person. */
  people: z
    .record(
      z.string().regex(/^[1-9][0-9]{0,15}$/, 'not the numeric id of a user'),
      z.string().min(1).max(320),
    )
    .default({}),
})
export type GithubConfig = z.infer<typeof githubSection>

export function githubProblems(
  { issuer }: GithubConfig,
  issuers: Readonly<Record<string, { readonly kind: string }>>,
): Problem[] {
  const known = Object.hasOwn(issuers, issuer) ? issuers[issuer] : undefined
  const taken = { path: ['issuers', REVIEWS_ISSUER], atKey: true, expected: 'another name' }
  return [
    ...(known?.kind === 'github'
      ? []
      : [
          {
            path: ['github', 'issuer'],
            message: `${issuer} is no issuer of kind github`,
            expected: 'the one of GitHub Actions',
          },
        ]),
    ...(Object.hasOwn(issuers, REVIEWS_ISSUER)
      ? [{ ...taken, message: `${REVIEWS_ISSUER} is what reviewers are known by` }]
      : []),
  ]
}

/** A review is about a commit of a repository, and not by whoever started the job. */
const REVIEWED = ['repository_id', 'sha', 'actor_id']

export function withReviewers(
  config: ApprovalsConfig,
  github: GithubConfig | undefined,
): ApprovalsConfig {
  if (github === undefined) return config
  return {
    ...config,
    samePerson: { ...config.samePerson, [REVIEWS_ISSUER]: 'person' },
    boundClaims: { ...config.boundClaims, [github.issuer]: REVIEWED },
  }
}
