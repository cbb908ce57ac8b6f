import type { Approvals } from '../approval/approvals.ts'
import type { Clock } from '../clock.ts'
import type { SlackConfig } from '../config/slack.ts'
import type { ExportCursors } from '../ledger/export-cursors.ts'
import type { LogReader } from '../ledger/reader.ts'
import type { ResolveSecret } from '../secret/resolve.ts'
import { slackClient } from './client.ts'
import { SlackPoster } from './poster.ts'
import { SlackDesk } from './slack.ts'

const SLACK_API = 'https://slack.com/api'

export interface SlackSurroundings {
  readonly url: string
  readonly approvals: Approvals
  readonly log: LogReader
  readonly cursors: ExportCursors
  readonly resolve: ResolveSecret
  readonly clock: Clock
  readonly holder: string
  /** Another place than Slack's own, for tests. */
  readonly api?: string
  readonly onFailure: (error: unknown) => void
}

/** Both sides of Slack: what is posted there, and what is pressed there. */
export function openSlack(
  config: SlackConfig,
  { api = SLACK_API, resolve, ...rest }: SlackSurroundings,
): { readonly poster: SlackPoster; readonly desk: SlackDesk } {
  const client = slackClient({ api, token: () => resolve(config.token) })
  const signingSecret = () => resolve(config.signing_secret)
  return {
    poster: new SlackPoster({ ...rest, client, channel: config.channel }),
    desk: new SlackDesk({ config, url: rest.url, client, signingSecret }),
  }
}
