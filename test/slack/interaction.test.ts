import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { slackSection } from '../../src/config/slack.ts'
import { isCredctlError } from '../../src/errors.ts'
import { pressOf } from '../../src/slack/interaction.ts'
import { ANN, bodyOf, CHANNEL, payload, TEAM } from './payload.ts'

const CONFIG = slackSection.parse({
  team: TEAM,
  channel: CHANNEL,
  token: 'env:SLACK_TOKEN',
  signing_secret: 'env:SLACK_SECRET',
  people: { [ANN]: 'ann@example.com' },
})
const ASKED = { id: '01K00000000000000000000000', plan: `sha256:${'a'.repeat(64)}` }
const ACTION = { action_id: 'credctl_approve', value: JSON.stringify(ASKED) }

describe('a press', () => {
  test('is a word of the person whom the operator listed, by id', () => {
    const { word } = pressOf(bodyOf(payload(ASKED)), CONFIG)
    expect(word).toMatchObject({ ...ASKED, verdict: 'approve', via: 'slack' })
    expect(word.by).toMatchObject({
      class: 'human',
      issuer: 'slack',
      subject: `${TEAM}/${ANN}`,
      claims: { person: 'ann@example.com' },
      roles: ['approver'],
    })
    expect(word.by.claims).not.toHaveProperty('auth_time')
  })

  test.each([
    ['of somebody who is not listed', { user: { id: 'U0STRANGER', team_id: TEAM } }],
    ['of a name of Object', { user: { id: 'UCONSTRUCTOR' } }],
    ['of another workspace', { team: { id: 'T0OTHER00' } }],
    ['of a guest from another workspace', { user: { id: ANN, team_id: 'T0OTHER00' } }],
  ])('%s is nobody’s', (_what, changes) => {
    expect(() => pressOf(bodyOf(payload(ASKED, changes)), CONFIG)).toThrow('approves nothing here')
  })

  test.each([
    ['of another kind', { type: 'view_submission' }],
    [
      'in another channel',
      { container: { message_ts: '1763726400.000001', channel_id: 'C0OTHER00' } },
    ],
    ['with two actions', { actions: [ACTION, ACTION] }],
    ['with no action', { actions: [] }],
    ['on another button', { actions: [{ ...ACTION, action_id: 'approve' }] }],
    ['with a value that is no JSON', { actions: [{ ...ACTION, value: 'x' }] }],
    [
      'with more in its value',
      { actions: [{ ...ACTION, value: JSON.stringify({ ...ASKED, group: 'dba' }) }] },
    ],
    [
      'with a path for an id',
      { actions: [{ ...ACTION, value: JSON.stringify({ ...ASKED, id: '../x' }) }] },
    ],
    [
      'with a plan that is no digest',
      { actions: [{ ...ACTION, value: JSON.stringify({ ...ASKED, plan: 'x' }) }] },
    ],
    ['with a list for a user', { user: [{ id: ANN }] }],
    ['with a number for a team', { team: { id: 7 } }],
  ])('%s is not understood', (_what, changes) => {
    expect(() => pressOf(bodyOf(payload(ASKED, changes)), CONFIG)).toThrow('not a button')
  })

  test.each([
    ['nothing', ''],
    ['two payloads', `${bodyOf(payload(ASKED))}&${bodyOf(payload(ASKED))}`],
    ['no payload', 'text=hello'],
    ['half a payload', bodyOf(payload(ASKED)).slice(0, 200)],
    ['null', bodyOf(null)],
  ])('made of %s is not understood', (_what, body) => {
    expect(() => pressOf(body, CONFIG)).toThrow('not a button')
  })

  test('throws nothing but what it says it does, whatever comes', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.json().map((text) => bodyOf(JSON.parse(text))),
        ),
        (body) => {
          try {
            pressOf(body, CONFIG)
          } catch (error) {
            expect(isCredctlError(error)).toBe(true)
          }
        },
      ),
    )
  })
})
