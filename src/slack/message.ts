import type { ApprovalEnded, ApprovalGiven } from '../ledger/entry.ts'
import type { ApprovalState } from '../ledger/ledger.ts'
import type { BlastRadius } from '../plan/blast-radius.ts'
import type { ButtonValue } from './interaction.ts'

/** What `chat.postMessage` takes, without the channel. */
export interface SlackMessage {
  /** For notifications, and for whoever reads without blocks. */
  readonly text: string
  readonly blocks: readonly object[]
}

const LONGEST = 600

/**
 * A request as approvers see it: facts from the plan, and the requester's words quoted as such.
 * Everything from outside is `plain_text`, in which Slack knows no links and no mentions.
 */
export function requestMessage(state: ApprovalState, url: string): SlackMessage {
  const { id, scope, environment, caller, intent, asked, plan } = state
  const needs = asked.needs.map(({ group, count }) => `${count} of ${group}`).join(' and ')
  const fields = [
    ['Caller', `${caller.class} ${caller.subject} (${caller.issuer})`],
    ['Code', asked.code],
    ['Reaches', reach(state.blastRadius)],
    ['Needs', `${needs}, until ${asked.expires.slice(0, 16)}Z`],
  ]
  const value = JSON.stringify({ id, plan } satisfies ButtonValue)
  return {
    text: `Approval: ${scope} in ${environment} (${asked.code})`,
    blocks: [
      { type: 'header', text: plain(`${scope} in ${environment}`) },
      { type: 'section', fields: fields.map(([name, text]) => plain(`${name}\n${text}`)) },
      { type: 'section', text: plain(`The requester says: “${intent}”`) },
      { type: 'context', elements: [plain(`${url}/console/approvals/${id}`)] },
      {
        type: 'actions',
        elements: asked.reason_required
          ? [linkButton(`${url}/console/approvals/${id}`)]
          : [
              button('credctl_approve', 'Approve', 'primary', value),
              button('credctl_deny', 'Deny', 'danger', value),
            ],
      },
    ],
  }
}

/** What became of a request, said under its message. */
export function outcomeText(entry: ApprovalGiven | ApprovalEnded): string {
  if (entry.kind === 'approval.ended') return `The request is ${entry.outcome}.`
  const { by, verdict, settles, via, group } = entry
  const word = verdict === 'approve' ? 'Approved' : 'Denied'
  const rest = settles === undefined ? ' More people have to agree.' : ''
  const who = escaped(shortened(visible(by.subject)))
  return `${word} by ${who} (${by.issuer}) for ${group}, in ${via}.${rest}`
}

/** Outside of blocks Slack reads mentions and links between angle brackets. */
function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}

/** The message of a request that is over: the same words without buttons. */
export function settledMessage(state: ApprovalState, url: string): SlackMessage {
  const { text, blocks } = requestMessage(state, url)
  return {
    text,
    blocks: [
      ...blocks.slice(0, -1),
      { type: 'section', text: plain(`This request is ${state.status}.`) },
    ],
  }
}

function reach(radius: BlastRadius | undefined): string {
  if (radius === undefined) return 'unknown'
  const { tablesBy, resources, accounts } = radius
  const tables = Object.entries(tablesBy).filter(([, count]) => count > 0)
  const actions = Object.entries(radius.actionsBy).filter(([, count]) => count > 0)
  const words = [
    ...tables.map(([verb, count]) => `${verb} on ${count} ${count === 1 ? 'table' : 'tables'}`),
    ...actions.map(([name, count]) => `${count} ${name}`),
    ...(resources.named + resources.wildcard > 0
      ? [
          `${resources.named} named and ${resources.wildcard} wildcard resources in ${accounts.length} account(s)`,
        ]
      : []),
  ]
  return `${words.join(', ')}; class ${radius.environmentClass}`
}

function plain(text: string): {
  readonly type: 'plain_text'
  readonly text: string
  readonly emoji: false
} {
  return { type: 'plain_text', text: shortened(visible(text)), emoji: false }
}

/** What nobody sees, or what changes the order of what is seen, stands there by its number. */
function visible(text: string): string {
  return text.replaceAll(/(?!\n)[\p{C}\p{Zl}\p{Zp}]/gu, (character) => {
    const code = (character.codePointAt(0) ?? 0).toString(16).toUpperCase()
    return `[U+${code.padStart(4, '0')}]`
  })
}

/** Half a pair of surrogates is no JSON to Slack: the message would never get there, nor any after it. */
function shortened(text: string): string {
  if (text.length <= LONGEST) return text
  return `${text.slice(0, LONGEST - 1).replace(/[\ud800-\udbff]$/, '')}…`
}

function button(action: string, label: string, style: 'primary' | 'danger', value: string): object {
  return { type: 'button', action_id: action, text: plain(label), style, value }
}

/** A reason cannot be given by a button. */
function linkButton(url: string): object {
  return { type: 'button', action_id: 'credctl_open', text: plain('Decide in the console'), url }
}
