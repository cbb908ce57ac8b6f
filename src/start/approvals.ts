import type { Logger } from 'pino'
import type { Broker } from '../broker.ts'
import { ulid } from '../clock.ts'
import type { Config } from '../config.ts'
import { GithubReviews } from '../github/reviews.ts'
import type { OpenLedger } from '../ledger/open.ts'
import { every } from '../lifecycle/timer.ts'
import type { Secrets } from '../secrets.ts'
import { openSlack } from '../slack/open.ts'
import type { SlackDesk } from '../slack/slack.ts'
import type { Here } from './surroundings.ts'
import { failed } from './surroundings.ts'

/** Where people may already have agreed to what a job of theirs is about to do. */
export function evidenceOf(
  { github }: Config,
  resolve: Secrets['resolve'],
  logger: Logger,
): { readonly evidence?: GithubReviews } {
  if (github === undefined) return {}
  const onFailure = (err: unknown) => logger.warn({ err }, 'reviews could not be read')
  return { evidence: new GithubReviews(github, resolve, onFailure) }
}

/** Requests for approval go to Slack from one replica at a time; buttons are pressed at any. */
export function startSlack(
  { slack: config, url }: Config,
  { ledger }: OpenLedger,
  { approvals }: Broker,
  resolve: Secrets['resolve'],
  { clock, random, logger, sweepEveryMs, slackApi }: Here,
): { readonly desk?: SlackDesk; readonly stop: () => Promise<void> } {
  if (config === undefined) return { stop: async () => undefined }
  const { poster, desk } = openSlack(config, {
    ...{ url, approvals, resolve, clock },
    log: ledger.log,
    cursors: ledger.exportCursors,
    holder: ulid(clock, random),
    ...(slackApi === undefined ? {} : { api: slackApi }),
    onFailure: (err) => logger.warn({ err }, 'Slack is behind'),
  })
  const timer = every(Math.min(500, sweepEveryMs), () => poster.round(), failed(logger))
  return { desk, stop: () => timer.stop() }
}
