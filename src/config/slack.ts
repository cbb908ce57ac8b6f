import { z } from 'zod'
import type { Problem } from '../document/diagnostic.ts'
import { fields } from '../document/fields.ts'
import { secretReference } from '../secret/reference.ts'
import type { ApprovalsConfig } from './approvals.ts'

/** What callers of Slack are called where issuers are named: no issuer may bear it. */
export const SLACK_ISSUER = 'slack'

const id = (letters: string, what: string) =>
  z.string().regex(new RegExp(`^[${letters}][A-Z0-9]{5,20}$`), `not the id of a ${what}`)

/** Where requests for approval are posted, and who may answer them there. */
export const slackSection = fields({
  /** Id of the workspace: people of others in a shared channel are nobody here. */
  team: id('TE', 'workspace'),
  channel: id('CG', 'channel'),
  /** Bot token with the scope `chat:write`. */
  token: secretReference,
  signing_secret: secretReference,
  /**
   * By Slack user id, what `same_person` claims of other issuers say of that person, such as the
   * mail address. Nobody else approves there; display names mean nothing.
   */
  people: z
    .record(id('UW', 'user'), z.string().min(1).max(320))
    .refine((people) => Object.keys(people).length > 0, 'no people: nobody could ever approve'),
})
export type SlackConfig = z.infer<typeof slackSection>

export function slackProblems(issuers: readonly string[]): Problem[] {
  if (!issuers.includes(SLACK_ISSUER)) return []
  const message = 'slack is what people of Slack are known by'
  return [{ path: ['issuers', SLACK_ISSUER], atKey: true, message, expected: 'another name' }]
}

/** Who presses a button is the person that `people` says, as `same_person` says it of others. */
export function withSlackPeople(
  config: ApprovalsConfig,
  slack: SlackConfig | undefined,
): ApprovalsConfig {
  if (slack === undefined) return config
  return { ...config, samePerson: { ...config.samePerson, [SLACK_ISSUER]: 'person' } }
}
