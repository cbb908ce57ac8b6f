import { describe, expect, test } from 'vitest'
import { blastPicture } from '../../src/console/picture/blast.ts'
import { reachOf } from '../../src/console/picture/reach.ts'
import { radiusSentence } from '../../src/console/picture/sentence.ts'
import { rangeFrom, stretchesOf } from '../../src/console/picture/strip.ts'
import type { OpenState } from '../../src/decision/windows/state.ts'
import type { BlastRadius } from '../../src/plan/blast-radius.ts'
import { ACTION_CLASSES } from '../../src/scope/action-class.ts'

const NOTHING: BlastRadius = {
  environment: 'staging',
  environmentClass: 'nonprod',
  ttlSeconds: 900,
  accounts: [],
  databases: 0,
  tables: 0,
  tablesBy: { select: 0, insert: 0, update: 0, delete: 0 },
  resources: { named: 0, wildcard: 0 },
  actionsBy: {},
}
const tables = (by: Partial<BlastRadius['tablesBy']>): BlastRadius => ({
  ...NOTHING,
  databases: 1,
  tables: 2,
  tablesBy: { ...NOTHING.tablesBy, ...by },
})
const actions = (actionsBy: Record<string, number>): BlastRadius => ({
  ...NOTHING,
  accounts: ['111122223333'],
  resources: { named: 1, wildcard: 0 },
  actionsBy,
})

describe('the picture of a blast radius', () => {
  test.each([
    ['reads', tables({ select: 2 })],
    ['changes', tables({ select: 2, insert: 1 })],
    ['changes', tables({ update: 1 })],
    ['deletes', tables({ select: 2, update: 1, delete: 1 })],
    ['reads', actions({ meta_read: 3, data_read: 1 })],
    ['changes', actions({ meta_read: 3, data_write: 1 })],
    ['deletes', actions({ data_delete: 1 })],
    ['breaks', actions({ meta_read: 1, destructive: 1 })],
    ['breaks', actions({ secret_read: 1 })],
    ['breaks', actions({ privesc: 1 })],
    ['breaks', actions({ 'a class of next year': 1 })],
    ['breaks', actions({ constructor: 1 })],
  ])('reaches as far as %s', (worst, radius) => {
    expect(reachOf(radius).worst).toBe(worst)
    expect(String(blastPicture(radius, 'large'))).toContain(`worst-${worst}`)
  })

  test('has a place for every class of action, the worst for those it does not know', () => {
    const worst = ACTION_CLASSES.filter(
      (name) => reachOf(actions({ [name]: 1 })).worst === 'breaks',
    )
    expect(worst).toEqual([
      'secret_read',
      'destructive',
      'protection_off',
      'exfil',
      'permissions',
      'privesc',
    ])
  })

  test.each([
    ['a dot for each of a few', tables({ select: 2 }), 2, 0],
    ['a bar for too many to count', tables({ select: 200 }), 0, 1],
    [
      'tables on one side and actions on the other',
      { ...tables({ select: 1 }), actionsBy: { data_read: 2 } },
      3,
      0,
    ],
  ])('has %s', (_what, radius, dots, bars) => {
    const svg = String(blastPicture(radius, 'large'))
    expect(svg.match(/class="dot"/g)?.length ?? 0).toBe(dots)
    expect(svg.match(/class="many"/g)?.length ?? 0).toBe(bars)
  })

  test('marks production and what is named by a pattern', () => {
    const radius: BlastRadius = {
      ...actions({ data_read: 1 }),
      environmentClass: 'prod',
      resources: { named: 1, wildcard: 2 },
    }
    expect(String(blastPicture(radius, 'large'))).toMatch(/class="open".*class="prod"/s)
    expect(String(blastPicture(tables({ select: 1 }), 'large'))).not.toMatch(/class="(open|prod)"/)
  })

  test('says the same in words', () => {
    const radius: BlastRadius = {
      ...tables({ select: 2, delete: 1 }),
      environmentClass: 'prod',
      accounts: ['111122223333'],
      resources: { named: 1, wildcard: 2 },
      actionsBy: { data_read: 1 },
    }
    expect(radiusSentence(radius)).toBe(
      'Production. In 1 database and 1 AWS account: reads: 2 tables, 1 AWS action; deletes or disrupts: 1 table. AWS resources: 1 by name, 2 by pattern.',
    )
    expect(String(blastPicture(radius, 'small'))).toContain('aria-label="Production. In 1 database')
  })
})

describe('the strip of a window', () => {
  const HOUR = 3_600_000
  const range = rangeFrom(new Date('2026-11-21T15:00:00Z'))
  const daily = (at: number): OpenState => {
    const hour = Math.floor(at / HOUR) % 24
    const day = Math.floor(at / (24 * HOUR)) * 24 * HOUR
    if (hour < 6) return { open: true, until: day + 6 * HOUR }
    return { open: false, next: day + 24 * HOUR }
  }

  test('shows fourteen days from the beginning of today', () => {
    expect(new Date(range.from).toISOString()).toBe('2026-11-21T00:00:00.000Z')
    expect(new Date(range.to).toISOString()).toBe('2026-12-05T00:00:00.000Z')
  })

  test('has no gap and no overlap', () => {
    const stretches = stretchesOf(daily, range)
    expect(stretches).toHaveLength(28)
    expect(stretches[0]).toEqual({ from: range.from, to: range.from + 6 * HOUR, open: true })
    expect(stretches.at(-1)?.to).toBe(range.to)
    for (const [index, { from }] of stretches.entries()) {
      expect(from).toBe(index === 0 ? range.from : stretches[index - 1]?.to)
    }
  })

  test.each([
    ['is never closed', { open: true, until: undefined }],
    ['never opens', { open: false, next: undefined }],
  ] as const)('that %s is one bar', (_what, state) => {
    expect(stretchesOf(() => state, range)).toEqual([{ ...range, open: state.open }])
  })

  test('that flickers is drawn up to a bound', () => {
    const stretches = stretchesOf((at) => ({ open: true, until: at + 1 }), range)
    expect(stretches.length).toBeLessThanOrEqual(400)
  })
})
