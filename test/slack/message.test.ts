import { describe, expect, test } from 'vitest'
import type { ApprovalState } from '../../src/ledger/ledger.ts'
import { outcomeText, requestMessage, settledMessage } from '../../src/slack/message.ts'

const DIGEST = `sha256:${'a'.repeat(64)}` as const

const STATE: ApprovalState = {
  id: '01K00000000000000000000000',
  status: 'pending',
  scope: 'purge-orders',
  scopeDigest: DIGEST,
  environment: 'staging',
  plan: DIGEST,
  blastRadius: undefined,
  parameters: {},
  intent: 'Delete orders.',
  caller: { class: 'agent', issuer: 'agents', subject: 'agent-7', claims: {}, token: DIGEST },
  asked: {
    rules: ['deletes'],
    needs: [{ group: 'dba', count: 2 }],
    expires: '2026-11-21T13:00:00.000Z',
    binding: DIGEST,
    code: 'ABCD-1234',
    reason_required: false,
    step_up: [],
  },
  askedAt: new Date('2026-11-21T12:00:00Z'),
  expiresAt: new Date('2026-11-21T13:00:00Z'),
  given: [],
  breakGlass: false,
  lastIndex: 1,
}

const text = (state: Partial<ApprovalState>) =>
  JSON.stringify(requestMessage({ ...STATE, ...state }, 'https://credctl.example.com'))

describe('a message', () => {
  test('says who asks for what, which code to compare and who is needed', () => {
    for (const part of [
      'purge-orders in staging',
      'agent agent-7 (agents)',
      'ABCD-1234',
      '2 of dba',
    ]) {
      expect(text({})).toContain(part)
    }
  })

  test('has no markup in anything that somebody else wrote', () => {
    const { blocks } = requestMessage({ ...STATE, intent: '<!here> *x*' }, 'https://x')
    const texts = JSON.stringify(blocks).match(/"type":"(plain_text|mrkdwn)"/g) ?? []
    expect(new Set(texts)).toEqual(new Set(['"type":"plain_text"']))
  })

  test('says what became of a request without markup, mentions or links of whoever spoke', () => {
    const said = outcomeText({
      v: 1,
      kind: 'approval.given',
      time: '2026-11-21T12:30:00.000Z',
      request: STATE.id,
      grant: STATE.id,
      verdict: 'approve',
      by: { ...STATE.caller, class: 'human', subject: '<!channel> <https://x|here> &amp;' },
      group: 'dba',
      plan: DIGEST,
      via: 'api',
      assurance: {},
    })
    expect(said).toContain('&lt;!channel&gt; &lt;https://x|here&gt; &amp;amp;')
    expect(said).not.toMatch(/[<>]/)
  })

  test.each([597, 598, 599, 600])('is whole text where %i letters come before a pair', (length) => {
    const { blocks } = requestMessage(
      { ...STATE, intent: `${'x'.repeat(length - 20)}${'😀'.repeat(20)}` },
      'https://x',
    )
    const texts = JSON.stringify(blocks)
    expect(texts).not.toMatch(/\\u[dD][89a-fA-F]/)
  })

  test('shows what nobody would see', () => {
    expect(text({ intent: 'safe \u202e \u200b \u0007' })).toContain(
      'safe [U+202E] [U+200B] [U+0007]',
    )
  })

  test('stays short, whatever the intent', () => {
    expect(text({ intent: 'x'.repeat(5000) }).length).toBeLessThan(3000)
  })

  test('sends people who must give a reason to the console', () => {
    const withReason = text({ asked: { ...STATE.asked, reason_required: true } })
    expect(withReason).not.toContain('credctl_approve')
    expect(withReason).toContain('https://credctl.example.com/console/approvals/01K0')
  })

  test('has no buttons once the request is settled', () => {
    const settled = JSON.stringify(settledMessage({ ...STATE, status: 'denied' }, 'https://x'))
    expect(settled).not.toContain('button')
    expect(settled).toContain('This request is denied.')
  })
})
