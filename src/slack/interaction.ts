import { createHash } from 'node:crypto'
import { z } from 'zod'
import type { Word } from '../approval/approval.ts'
import { isUlid } from '../clock.ts'
import { SLACK_ISSUER, type SlackConfig } from '../config/slack.ts'
import { CredctlError } from '../errors.ts'
import type { Caller } from '../identity/caller.ts'

const slackId = z.string().regex(/^[A-Z][A-Z0-9]{5,20}$/)
const plan = z.string().regex(/^sha256:[0-9a-f]{64}$/)

/** The parts of a `block_actions` payload that are looked at; Slack sends many more. */
const payloadSchema = z.object({
  type: z.literal('block_actions'),
  team: z.object({ id: slackId }),
  user: z.object({ id: slackId, team_id: slackId.optional() }),
  container: z.object({
    channel_id: slackId,
    message_ts: z.string().regex(/^[0-9]{1,12}\.[0-9]{6}$/),
  }),
  actions: z
    .array(z.object({ action_id: z.enum(['credctl_approve', 'credctl_deny']), value: z.string() }))
    .length(1),
})

/** What a button says when it is pressed: the request, and the plan that its message showed. */
const valueSchema = z.strictObject({ id: z.string().refine(isUlid), plan })
export type ButtonValue = z.infer<typeof valueSchema>

/** One press of a button, by one person, under one message. */
export interface Press {
  readonly word: Word
  readonly user: string
  readonly channel: string
  /** Id of the message in its channel. */
  readonly message: string
}

/**
 * Reads a signed body. A press proves a login at Slack and nothing stronger: the claims say who, and
 * no `acr` or `auth_time`. Errors: `request_invalid`, and `caller_not_permitted` for people of other
 * workspaces and those whom the configuration does not list.
 */
export function pressOf(body: string, config: SlackConfig): Press {
  const { team, user, container, actions } = payloadOf(body)
  const [action] = actions
  if (action === undefined) throw invalid()
  const { id, plan: shown } = parsed(valueSchema, action.value)
  if (container.channel_id !== config.channel) throw invalid()
  const by = personOf(config, team.id, user, body)
  const facts = { channel: container.channel_id, message: container.message_ts }
  const verdict = action.action_id === 'credctl_approve' ? 'approve' : 'deny'
  const word: Word = { id, verdict, plan: shown, by, via: 'slack', facts }
  return { word, user: user.id, channel: container.channel_id, message: container.message_ts }
}

function payloadOf(body: string): z.infer<typeof payloadSchema> {
  const [payload, ...others] = new URLSearchParams(body).getAll('payload')
  if (payload === undefined || others.length > 0) throw invalid()
  return parsed(payloadSchema, payload)
}

function parsed<T>(schema: z.ZodType<T>, text: string): T {
  try {
    return schema.parse(JSON.parse(text))
  } catch {
    throw invalid()
  }
}

/** By ids of workspace and user: names in Slack are chosen by whoever bears them. */
function personOf(
  config: SlackConfig,
  team: string,
  user: { readonly id: string; readonly team_id?: string | undefined },
  body: string,
): Caller {
  const isOurs = team === config.team && (user.team_id ?? team) === team
  const person = Object.hasOwn(config.people, user.id) ? config.people[user.id] : undefined
  if (!isOurs || person === undefined) {
    throw new CredctlError('caller_not_permitted', 'this Slack user approves nothing here')
  }
  const token = `sha256:${createHash('sha256').update(body).digest('hex')}` as const
  const claims = { team, user: user.id, person }
  const subject = `${team}/${user.id}`
  return { class: 'human', issuer: SLACK_ISSUER, subject, claims, roles: ['approver'], token }
}

function invalid(): CredctlError {
  return new CredctlError('request_invalid', 'not a button of this broker', {
    hint: 'Only approve and deny buttons of messages that the broker posted are understood.',
  })
}
