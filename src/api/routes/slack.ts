import type { Context } from 'hono'
import { CredctlError } from '../../errors.ts'
import { known } from '../authenticate.ts'
import { readBody } from '../body.ts'
import type { ApiEnv, ApiParts } from '../parts.ts'

/**
 * `POST /slack/interactions`: a button under a message of the broker was pressed. Slack waits three
 * seconds for the answer: the word is recorded before it, what Slack hears of it comes after.
 */
export function slackInteraction(parts: ApiParts) {
  return async (context: Context<ApiEnv>) => {
    const { slack, broker, clock, logger } = parts
    if (slack === undefined) throw new CredctlError('not_found', 'there is nothing here')
    const body = await readBody(context, 'application/x-www-form-urlencoded')
    const timestamp = context.req.header('x-slack-request-timestamp')
    const signature = context.req.header('x-slack-signature')
    const press = await known(parts, context, () =>
      slack.read({ timestamp, signature, body }, clock.now()),
    )
    const request = context.get('request')
    const told = await slack.record(press, broker.approvals, request)
    void told().catch((err: unknown) => logger.warn({ request, err }, 'Slack was not told'))
    return context.body(null, 200)
  }
}
