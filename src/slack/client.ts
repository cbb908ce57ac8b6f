import { z } from 'zod'
import { CredctlError } from '../errors.ts'
import { readBounded } from '../identity/download.ts'
import type { Secret } from '../secret/secret.ts'

const TIMEOUT_MS = 5_000
const MAX_ANSWER_BYTES = 256 * 1024

const answerSchema = z.object({
  ok: z.boolean(),
  error: z.string().optional(),
  ts: z.string().optional(),
})

/** The few methods of Slack's Web API that are used. */
export interface SlackClient {
  /** Resolves with the id of the message, where there is one. Error: `unavailable`. */
  call(
    method: 'chat.postMessage' | 'chat.update' | 'chat.postEphemeral',
    body: object,
  ): Promise<string | undefined>
}

export interface SlackClientParts {
  /** `https://slack.com/api`. */
  readonly api: string
  readonly token: () => Promise<Secret<string>>
}

/** Slack is not trusted with time or memory: answers are bounded, redirects are not followed. */
export function slackClient({ api, token }: SlackClientParts): SlackClient {
  return {
    async call(method, body) {
      const bearer = (await token()).reveal()
      const response = await fetch(`${api}/${method}`, {
        method: 'POST',
        headers: {
          'content-type': 'application/json; charset=utf-8',
          authorization: `Bearer ${bearer}`,
        },
        body: JSON.stringify(body),
        redirect: 'manual',
        signal: AbortSignal.timeout(TIMEOUT_MS),
      }).catch((cause: unknown) => {
        throw new CredctlError('unavailable', 'Slack does not answer', { cause })
      })
      const { ok, error, ts } = await answerOf(response)
      if (ok) return ts
      throw new CredctlError(
        'unavailable',
        `Slack refused ${method}: ${error ?? 'without a reason'}`,
      )
    },
  }
}

async function answerOf(response: Response): Promise<z.infer<typeof answerSchema>> {
  try {
    const body = await readBounded(response, MAX_ANSWER_BYTES)
    return answerSchema.parse(JSON.parse(body.toString('utf8')))
  } catch {
    return { ok: false, error: `status ${response.status}` }
  }
}
