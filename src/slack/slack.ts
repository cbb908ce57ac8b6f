import type { Approvals } from '../approval/approvals.ts'
import type { SlackConfig } from '../config/slack.ts'
import { isCredctlError } from '../errors.ts'
import type { ApprovalState } from '../ledger/ledger.ts'
import type { Secret } from '../secret/secret.ts'
import type { SlackClient } from './client.ts'
import { type Press, pressOf } from './interaction.ts'
import { settledMessage } from './message.ts'
import { requireSignature, type Signed } from './signature.ts'

export interface SlackParts {
  readonly config: SlackConfig
  readonly url: string
  readonly client: SlackClient
  readonly signingSecret: () => Promise<Secret<string>>
}

/** The side of Slack that people press buttons on. */
export class SlackDesk {
  readonly #parts: SlackParts

  constructor(parts: SlackParts) {
    this.#parts = parts
  }

  /** Who pressed what. Errors: `token_signature_invalid`, `request_invalid`, `caller_not_permitted`. */
  async read(signed: Signed, now: Date): Promise<Press> {
    requireSignature((await this.#parts.signingSecret()).reveal(), signed, now)
    return pressOf(signed.body, this.#parts.config)
  }

  /**
   * Records the word. When this resolves it is durable, or refused; what comes back tells the person
   * which, and fails as Slack does.
   */
  async record(press: Press, approvals: Approvals, request: string): Promise<() => Promise<void>> {
    try {
      const state = await approvals.give(press.word, request)
      return () => this.#confirm(press, state)
    } catch (error) {
      if (!isCredctlError(error)) throw error
      return () => this.#whisper(press, `Not recorded: ${error.message}. ${this.#elsewhere(press)}`)
    }
  }

  async #confirm(press: Press, state: ApprovalState): Promise<void> {
    await this.#whisper(press, `Recorded: ${press.word.verdict} (${state.asked.code}).`)
    if (state.status === 'pending') return
    const { channel, message: ts } = press
    const settled = settledMessage(state, this.#parts.url)
    await this.#parts.client.call('chat.update', { channel, ts, ...settled })
  }

  #elsewhere({ word }: Press): string {
    return `See ${this.#parts.url}/console/approvals/${word.id}`
  }

  async #whisper({ channel, user }: Press, text: string): Promise<void> {
    await this.#parts.client.call('chat.postEphemeral', { channel, user, text })
  }
}
