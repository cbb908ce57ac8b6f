import { describe, expect, test } from 'vitest'
import { requireSignature } from '../../src/slack/signature.ts'
import { SECRET, signed } from './payload.ts'

/** The example of Slack's documentation, "Verifying requests from Slack". */
const BODY =
  'token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c'
const TIMESTAMP = '1531420618'
const SIGNATURE = 'v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503'
const AT = new Date(Number(TIMESTAMP) * 1000)

const check = (changes: object, now = AT) =>
  requireSignature(
    SECRET,
    { timestamp: TIMESTAMP, signature: SIGNATURE, body: BODY, ...changes },
    now,
  )

describe('the signature of Slack', () => {
  test('is taken as Slack documents it', () => {
    expect(() => check({})).not.toThrow()
  })

  test.each([
    ['another body', { body: `${BODY}&x=1` }],
    [
      'a body in which nothing but its order changed',
      { body: BODY.split('&').reverse().join('&') },
    ],
    ['another time', { timestamp: '1531420619' }],
    ['a time with a sign', { timestamp: '+1531420618' }],
    ['a time that is no number', { timestamp: 'NaN' }],
    ['no time', { timestamp: undefined }],
    ['no signature', { signature: undefined }],
    ['an empty signature', { signature: 'v0=' }],
    ['a signature in upper case', { signature: SIGNATURE.toUpperCase() }],
    ['another version', { signature: SIGNATURE.replace('v0', 'v1') }],
    ['a short one', { signature: SIGNATURE.slice(0, -2) }],
    ['a long one', { signature: `${SIGNATURE}00` }],
    [
      'one of another secret',
      { signature: signed(BODY, AT.getTime(), 'other')['x-slack-signature'] },
    ],
  ])('refuses %s', (_what, changes) => {
    expect(() => check(changes)).toThrow('not signed by Slack')
  })

  test.each([
    [300, true],
    [301, false],
    [-300, true],
    [-301, false],
  ])('is good for five minutes either way: %i s', (seconds, isGood) => {
    const now = new Date(AT.getTime() + seconds * 1000)
    if (isGood) expect(() => check({}, now)).not.toThrow()
    else expect(() => check({}, now)).toThrow('not signed by Slack')
  })
})
