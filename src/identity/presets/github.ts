import type { Claims } from '../caller.ts'
import { OIDC, type Preset, textOf } from './preset.ts'

/**
 * Events whose workflow ran from reviewed or trusted refs. Left out on purpose: `pull_request` runs
 * what nobody has reviewed, and `pull_request_target`, `workflow_run`, `issue_comment` and their
 * kin carry the identity of the base repository while an outsider decides what they work on. A rule
 * that names `event_name` itself decides otherwise, in the open.
 */
const EVENTS = [
  'deployment',
  'merge_group',
  'push',
  'release',
  'repository_dispatch',
  'schedule',
  'workflow_dispatch',
]

/** Bot accounts of coding agents. Lowering by a name that changes hands costs nobody safety. */
const AGENT_ACTORS: Readonly<Record<string, string>> = {
  '158243242': 'devin-ai-integration[bot]',
  '161369871': 'google-labs-jules[bot]',
  '198982749': 'Copilot',
  '199175422': 'chatgpt-codex-connector[bot]',
  '206951365': 'cursor[bot]',
  '209825114': 'claude[bot]',
}
const AGENT_NAMES = [...Object.values(AGENT_ACTORS), 'copilot-swe-agent[bot]', 'openhands-agent']

/** Branches these agents push to: a person may press the button, the agent wrote the code. */
const AGENT_BRANCH = /^(refs\/heads\/)?(claude|codex|copilot|cursor|devin|jules|openhands)\//

/** Workflows that are an agent: GitHub's own dynamic ones, and compiled Agentic Workflows. */
const AGENT_WORKFLOW = /\/dynamic\/copilot-|\.lock\.yml@/

/**
 * GitHub Actions ID tokens. Rules rest on numeric ids, because names are recycled and `sub` is
 * customisable and comes in two formats (with ids for repositories made after 2026-07-15).
 * Source: docs.github.com, actions/reference/security/oidc.
 */
export const GITHUB: Preset = {
  ...OIDC,
  classes: ['agent', 'ci'],
  algorithms: ['RS256'],
  maxLifetime: 900,
  replay: 'once',
  anchors: ['repository_id', 'repository_owner_id', 'enterprise_id'],
  demands: { event_name: EVENTS },
  lists: [],
  breach: (claims) =>
    textOf(claims, 'repository_id') === '' ? 'the token names no repository_id' : undefined,
  agentSign,
}

function agentSign(claims: Claims): string | undefined {
  const id = textOf(claims, 'actor_id')
  if (Object.hasOwn(AGENT_ACTORS, id) || AGENT_NAMES.includes(textOf(claims, 'actor'))) {
    return 'actor is a coding agent'
  }
  if (['ref', 'head_ref'].some((name) => AGENT_BRANCH.test(textOf(claims, name)))) {
    return 'ref is a branch of a coding agent'
  }
  const workflows = ['workflow_ref', 'job_workflow_ref'].map((name) => textOf(claims, name))
  if (workflows.some((name) => AGENT_WORKFLOW.test(name))) return 'workflow is a coding agent'
  return undefined
}
