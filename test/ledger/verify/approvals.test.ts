import { describe, expect, it } from 'vitest'
import type { Entry, GrantDecided } from '../../../src/ledger/entry.ts'
import { verifyLog } from '../../../src/ledger/verify/verify.ts'
import {
  allowed,
  at,
  caller,
  catalogue,
  given,
  id,
  minted,
  overdue,
  person,
  requested,
  waiting,
} from '../entries.ts'
import { logKeys, writeLog } from '../file-log.ts'

async function found(...entries: Entry[]) {
  const { findings } = await verifyLog(writeLog([catalogue(), ...entries]), { keys: logKeys })
  return findings.map(({ code, index }) => `${code} ${index}`)
}

const grant = id(1)
const other = `sha256:${'cd'.repeat(32)}` as const
const ann = given(grant, 1)
const bob = given(grant, 2, { by: person('bob'), settles: 'approved' })

function redeemed(previous: number, change: Partial<GrantDecided> = {}): GrantDecided {
  return allowed(grant, { previous, time: at(120), ...change })
}

describe('requests for approval in a log', () => {
  it('hold together: two people agree, the grant follows and gives a credential', async () => {
    const entries = [
      waiting(grant),
      ann,
      bob,
      redeemed(3),
      { ...requested(grant, 4, id(11)), time: at(121) },
      { ...minted(grant, 5, id(11)), time: at(122) },
    ]
    expect(await found(...entries)).toEqual([])
  })

  it('hold together when they are denied or run out', async () => {
    const denial = given(grant, 2, { by: person('bob'), verdict: 'deny', settles: 'denied' })
    expect(await found(waiting(grant), ann, denial)).toEqual([])
    expect(await found(waiting(grant), ann, overdue(grant, 2))).toEqual([])
  })

  it.each<[string, Entry[], string[]]>([
    ['an allow that nobody approved', [waiting(grant), redeemed(1)], ['approval_missing 2']],
    ['an allow with one of two', [waiting(grant), ann, redeemed(2)], ['approval_missing 3']],
    [
      'an allow after a denial',
      [waiting(grant), given(grant, 1, { verdict: 'deny', settles: 'denied' }), redeemed(2)],
      ['approval_missing 3'],
    ],
    [
      'an allow after the end of the request',
      [waiting(grant), ann, bob, overdue(grant, 3), redeemed(4, { time: at(3601) })],
      ['approval_missing 5'],
    ],
    [
      'an allow by an approval that was over',
      [waiting(grant), ann, bob, redeemed(3, { time: at(3600) })],
      ['approval_missing 4'],
    ],
    [
      'an allow of another plan',
      [waiting(grant), ann, bob, redeemed(3, { plan: other })],
      ['approval_missing 4'],
    ],
    [
      'an allow that leaves out what came before',
      [waiting(grant), ann, bob, allowed(grant, { time: at(120) })],
      ['grant_repeated 4'],
    ],
    ['an allow after a request nobody made', [redeemed(0)], ['approval_missing 1']],
    ['an allow that skips a word', [waiting(grant), ann, bob, redeemed(2)], ['chain_broken 4']],
    ['a second allow', [waiting(grant), ann, bob, redeemed(3), redeemed(4)], ['grant_repeated 5']],
    [
      'the requester’s own word',
      [waiting(grant), given(grant, 1, { by: { ...person('x'), ...caller, class: 'human' } })],
      ['approval_invalid 2'],
    ],
    [
      'an agent’s word',
      [waiting(grant), given(grant, 1, { by: { ...person('x'), class: 'agent' } })],
      ['approval_invalid 2'],
    ],
    [
      'a delegated word',
      [waiting(grant), given(grant, 1, { by: { ...person('x'), actor: { sub: 'bot' } } })],
      ['approval_invalid 2'],
    ],
    [
      'one person twice',
      [waiting(grant), ann, { ...bob, by: person('ann') }],
      ['approval_invalid 3'],
    ],
    [
      'a word for a group nobody asked',
      [waiting(grant), given(grant, 1, { group: 'friends' })],
      ['approval_invalid 2'],
    ],
    [
      'a word on another plan',
      [waiting(grant), given(grant, 1, { plan: other })],
      ['approval_invalid 2'],
    ],
    ['a late word', [waiting(grant), { ...ann, time: at(3600) }], ['approval_invalid 2']],
    [
      'a word that settles too soon',
      [waiting(grant), given(grant, 1, { settles: 'approved' })],
      ['approval_invalid 2'],
    ],
    [
      'a word after it was settled',
      [waiting(grant), ann, bob, given(grant, 3, { by: person('cleo') })],
      ['approval_invalid 4'],
    ],
    [
      'an end after an end',
      [waiting(grant), overdue(grant, 1), overdue(grant, 2)],
      ['approval_invalid 3'],
    ],
    [
      'a credential of a request that only waits',
      [waiting(grant), requested(grant, 1, id(11))],
      ['grant_not_allowed 2'],
    ],
  ])('finds %s', async (_, entries, wanted) => {
    expect(await found(...entries)).toEqual(wanted)
  })
})
