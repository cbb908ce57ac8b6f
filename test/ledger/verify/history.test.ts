import { describe, expect, it } from 'vitest'
import type { Entry } from '../../../src/ledger/entry.ts'
import { verifyLog } from '../../../src/ledger/verify/verify.ts'
import {
  allowed,
  at,
  catalogue,
  denied,
  ended,
  failed,
  id,
  minted,
  refused,
  requested,
  revoked,
  wrapped,
  wrappingAlarm,
} from '../entries.ts'
import { logKeys, writeLog } from '../file-log.ts'

async function found(...entries: Entry[]) {
  const { findings } = await verifyLog(writeLog([catalogue(), ...entries]), { keys: logKeys })
  return findings.map(({ code, index }) => `${code} ${index}`)
}

const grant = id(1)
const credential = id(11)
const other = `sha256:${'cd'.repeat(32)}` as const

describe('the meaning of a log', () => {
  it('holds for the whole life of a grant, with several credentials and a refusal', async () => {
    const entries = [
      allowed(grant),
      requested(grant, 1, credential),
      requested(grant, 1, id(12)),
      minted(grant, 2, credential),
      failed(grant, 3, id(12)),
      refused(grant, 4),
      denied(id(2)),
      ended(grant, 6),
      revoked(grant, 4, credential),
    ]
    expect(await found(...entries)).toEqual([])
  })

  it.each<[string, Entry[], string[]]>([
    ['a credential without any decision', [requested(grant, 0, credential)], ['grant_unknown 1']],
    [
      'a credential after a denial',
      [denied(grant), requested(grant, 1, credential), minted(grant, 2, credential)],
      ['grant_not_allowed 2', 'grant_not_allowed 3'],
    ],
    [
      'a credential that was never requested',
      [allowed(grant), minted(grant, 1, credential)],
      ['credential_unknown 2'],
    ],
    [
      'a credential for another target than requested',
      [
        allowed(grant),
        requested(grant, 1, credential),
        minted(grant, 2, credential, { target: 'exports' }),
      ],
      ['credential_unknown 3'],
    ],
    [
      'a credential of another plan',
      [allowed(grant), { ...requested(grant, 1, credential), plan: other }],
      ['plan_mismatch 2'],
    ],
    [
      'a credential after the end of its grant',
      [allowed(grant), ended(grant, 1), requested(grant, 2, credential)],
      ['grant_over 3'],
    ],
    [
      'a credential minted while its grant ended',
      [
        allowed(grant),
        requested(grant, 1, credential),
        ended(grant, 2),
        minted(grant, 2, credential),
      ],
      ['grant_over 4'],
    ],
    [
      'a credential after the grant expired',
      [allowed(grant, { expires: at(1) }), requested(grant, 1, credential, 2)],
      ['grant_over 2'],
    ],
    [
      'a credential that outlives its grant',
      [
        allowed(grant),
        requested(grant, 1, credential),
        minted(grant, 2, credential, { expires: at(2_000) }),
      ],
      ['credential_outlives_grant 3'],
    ],
    [
      'a credential minted twice',
      [
        allowed(grant),
        requested(grant, 1, credential),
        minted(grant, 2, credential),
        minted(grant, 3, credential),
      ],
      ['credential_finished 4'],
    ],
    [
      'a credential used after it failed',
      [
        allowed(grant),
        requested(grant, 1, credential),
        failed(grant, 2, credential),
        revoked(grant, 3, credential),
      ],
      ['credential_finished 4'],
    ],
    [
      'a credential given out wrapped before it was made',
      [allowed(grant), requested(grant, 1, credential), wrapped(grant, 2, credential)],
      ['credential_finished 3'],
    ],
    [
      'a credential given out wrapped after it was revoked',
      [
        allowed(grant),
        requested(grant, 1, credential),
        minted(grant, 2, credential),
        revoked(grant, 3, credential),
        wrapped(grant, 4, credential),
      ],
      ['credential_finished 5'],
    ],
    [
      'a wrapping, or an alarm, of a credential that nobody asked for',
      [allowed(grant), wrapped(grant, 1, credential), wrappingAlarm(grant, 2, credential)],
      ['credential_unknown 2', 'credential_unknown 3'],
    ],
    [
      'a credential requested twice',
      [allowed(grant), requested(grant, 1, credential), requested(grant, 1, credential)],
      ['credential_repeated 3'],
    ],
    ['a grant decided twice', [denied(grant), allowed(grant)], ['grant_repeated 2']],
    ['a grant ended twice', [allowed(grant), ended(grant, 1), ended(grant, 2)], ['grant_over 3']],
    [
      'a link to an entry of another grant',
      [denied(id(2)), allowed(grant), requested(grant, 1, credential)],
      ['chain_broken 3'],
    ],
    ['a link to the future', [allowed(grant), requested(grant, 7, credential)], ['chain_broken 2']],
    [
      'a scope that no catalogue had',
      [allowed(grant, { scope: { name: 'x', digest: other } })],
      ['scope_not_loaded 1'],
    ],
    ['time going back', [catalogue(500), catalogue(300)], ['time_backwards 2']],
    [
      'a grant long past its time without an end',
      [allowed(grant), catalogue(900 + 3_601)],
      ['grant_not_ended 1'],
    ],
  ])('is broken by %s', async (_, entries, expected) => {
    expect(await found(...entries)).toEqual(expected)
  })

  it('allows clocks of replicas to differ a little', async () => {
    expect(await found(catalogue(100), catalogue(0))).toEqual([])
  })

  it('allows an AWS session its fifteen minutes when less is left', async () => {
    const late = { ...minted(grant, 2, credential), time: at(800), expires: at(1_700) }
    const request = requested(grant, 1, credential, 800)
    expect(await found(allowed(grant), request, late)).toEqual([])
  })
})
