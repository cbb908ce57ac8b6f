import { createHmac } from 'node:crypto'

export const SECRET = '8f742231b10e8888abcd99yyyzzz85a5'
export const TEAM = 'T1DC2JH3J'
export const CHANNEL = 'C024BE91L'
/** `ann`, whose mail address the operator gave. */
export const ANN = 'U2CERLKJA'

export interface Pressed {
  readonly id: string
  readonly plan: string
}

/** A press of a button, shaped as Slack documents `block_actions`, with the fields we do not read. */
export function payload({ id, plan }: Pressed, changes: object = {}): Record<string, unknown> {
  return {
    type: 'block_actions',
    api_app_id: 'A123456',
    trigger_id: '12321423423.333649436676.d8c1bb837935619ccad0f624c448ffb3',
    team: { id: TEAM, domain: 'acme' },
    user: { id: ANN, username: 'somebody-else', team_id: TEAM },
    channel: { id: CHANNEL, name: 'approvals' },
    container: { type: 'message', message_ts: '1763726400.000001', channel_id: CHANNEL },
    response_url: 'https://hooks.slack.com/actions/T1DC2JH3J/1/x',
    actions: [
      {
        action_id: 'credctl_approve',
        block_id: 'b',
        type: 'button',
        value: JSON.stringify({ id, plan }),
        action_ts: '1763726401.000001',
      },
    ],
    ...changes,
  }
}

export function bodyOf(content: unknown): string {
  return new URLSearchParams({ payload: JSON.stringify(content) }).toString()
}

export function signed(body: string, at: number, secret = SECRET): Record<string, string> {
  const timestamp = String(Math.floor(at / 1000))
  const hex = createHmac('sha256', secret).update(`v0:${timestamp}:${body}`).digest('hex')
  return { 'x-slack-request-timestamp': timestamp, 'x-slack-signature': `v0=${hex}` }
}
