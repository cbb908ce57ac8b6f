import type { Claims } from '../caller.ts'
import { OIDC, type Preset, textOf } from './preset.ts'

/** Pipelines of a project's own refs; merge request pipelines run what nobody has reviewed. */
const SOURCES = [
  'api',
  'parent_pipeline',
  'pipeline',
  'push',
  'schedule',
  'trigger',
  'web',
  'webide',
]

/**
 * GitLab CI ID tokens. In a merge request pipeline of a fork, `project_*`, `namespace_*` and `ref`
 * describe the fork while `job_project_*` says where the job runs, so the two must agree.
 * Source: docs.gitlab.com, ci/secrets/id_token_authentication; gitlab-org/gitlab issue 563038.
 */
export const GITLAB: Preset = {
  ...OIDC,
  classes: ['agent', 'ci'],
  algorithms: ['RS256'],
  anchors: ['project_id', 'namespace_id'],
  // A string, not a boolean: that is how GitLab writes it.
  demands: { ref_protected: ['true'], pipeline_source: SOURCES },
  lists: ['groups_direct'],
  breach,
  agentSign,
}

function breach(claims: Claims): string | undefined {
  const project = textOf(claims, 'project_id')
  if (project === '') return 'the token names no project_id'
  const runsIn = textOf(claims, 'job_project_id')
  if (runsIn !== '' && runsIn !== project) {
    return 'project_id and job_project_id differ: the pipeline is of a fork'
  }
  // Before GitLab 18.4 there is no job_project_id, and a fork's pipeline cannot be told apart.
  if (runsIn === '' && textOf(claims, 'pipeline_source') === 'merge_request_event') {
    return 'a merge request pipeline without job_project_id may be of a fork'
  }
  return undefined
}

function agentSign(claims: Claims): string | undefined {
  if (textOf(claims, 'pipeline_source') === 'duo_workflow') return 'pipeline is of a coding agent'
  if (textOf(claims, 'user_login').startsWith('duo-')) return 'user is a coding agent'
  return textOf(claims, 'ref_path').startsWith('refs/workloads/') ||
    /^(claude|codex|duo)\//.test(textOf(claims, 'ref'))
    ? 'ref is of a coding agent'
    : undefined
}
