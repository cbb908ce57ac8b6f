import type { BlastRadius } from '../../plan/blast-radius.ts'
import { count, listed } from '../words.ts'
import { REACH_WORDS, type Ring, reachOf } from './reach.ts'

/** What one ring holds: `reads: 2 tables, 3 AWS actions`; empty when it holds nothing. */
export function ringWords({ name, tables, actions }: Ring): string {
  const things = [
    ...(tables > 0 ? [count(tables, 'table')] : []),
    ...(actions > 0 ? [count(actions, 'AWS action')] : []),
  ]
  return things.length === 0 ? '' : `${REACH_WORDS[name]}: ${things.join(', ')}`
}

/** A whole blast radius in one sentence: what the picture shows, for those who do not see it. */
export function radiusSentence(radius: BlastRadius): string {
  const { rings, prod } = reachOf(radius)
  const { accounts, databases, resources } = radius
  const where = [
    ...(databases > 0 ? [count(databases, 'database')] : []),
    ...(accounts.length > 0 ? [count(accounts.length, 'AWS account')] : []),
  ]
  const named = [
    ...(resources.named > 0 ? [`${resources.named} by name`] : []),
    ...(resources.wildcard > 0 ? [`${resources.wildcard} by pattern`] : []),
  ]
  const what = rings.map(ringWords).filter((words) => words !== '')
  const parts = [
    prod ? 'Production.' : '',
    `In ${listed(where)}: ${what.join('; ')}.`,
    named.length === 0 ? '' : `AWS resources: ${named.join(', ')}.`,
  ]
  return parts.filter((part) => part !== '').join(' ')
}
