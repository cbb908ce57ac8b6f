import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { decide } from '../../src/decision/decide.ts'
import { type Evaluation, evaluate } from '../../src/decision/evaluate.ts'
import type { Caller } from '../../src/identity/caller.ts'
import { callerNamed, environments, scopeNamed } from './world.ts'

/** One question, as a file says it: what is left out is the ordinary thing. */
interface Case {
  readonly it: string
  readonly caller?: string
  readonly class?: Caller['class']
  readonly issuer?: string
  readonly claims?: Caller['claims']
  readonly roles?: Caller['roles']
  readonly scope?: string
  readonly environment?: string
  readonly intent?: string
  readonly parameters?: Record<string, string>
  /** Replaces fields of the scope's first rule; of what the schema would never let in too. */
  readonly rule?: Record<string, unknown>
  readonly allow?: unknown[]
  readonly environments?: string[]
  readonly limits?: object
  readonly pattern?: string
  readonly ttl?: number
  readonly environmentClass?: string
  /** Replaces fields of the plan: what a bug before the decision would hand to it. */
  readonly plan?: object
  readonly usage?: { liveGrants: number; grantsLastDay: number }
  /** Milliseconds since the grant was issued. */
  readonly after?: number
  /** `allowed`, or the codes of all reasons. */
  readonly expect: 'allowed' | string[]
  /** Part of the first reason's sentence. */
  readonly says?: string
}

const ISSUED = new Date('2026-11-20T12:00:00.000Z')

function answer(question: Case): Evaluation {
  const caller = callerNamed(question.caller ?? 'agent', {
    ...(question.class === undefined ? {} : { class: question.class }),
    ...(question.issuer === undefined ? {} : { issuer: question.issuer }),
    ...(question.claims === undefined ? {} : { claims: question.claims }),
    ...(question.roles === undefined ? {} : { roles: question.roles }),
  })
  const found = scopeOf(question)
  const known = environments.get(question.environment ?? 'dev')
  const usage = question.usage ?? { liveGrants: 0, grantsLastDay: 0 }
  const now = new Date(ISSUED.getTime() + (question.after ?? 0))
  const ask = {
    scope: question.scope ?? 'backfill',
    environment: question.environment ?? 'dev',
    intent: question.intent ?? 'Recompute totals.',
    parameters: question.parameters ?? {},
  }
  const circumstances = { grantId: 'g', caller, found, usage, issuedAt: ISSUED, now }
  const evaluation = evaluate(ask, { ...circumstances, environment: known })
  if (question.plan === undefined || found === undefined || known === undefined) return evaluation
  if (evaluation.plan === undefined) throw new Error(`${question.it}: nothing to replace`)
  const decision = decide({
    ...circumstances,
    scope: { ...found.scope, ...(question.ttl === undefined ? {} : { ttl: question.ttl }) },
    scopeDigest: found.digest,
    environment: Object.assign({ ...known }, classOf(question)),
    plan: { ...evaluation.plan, ...question.plan },
    intent: ask.intent,
  })
  return { ...evaluation, decision }
}

function classOf({ environmentClass }: Case): object {
  return environmentClass === undefined ? {} : { class: environmentClass }
}

function scopeOf(question: Case) {
  const found = scopeNamed(question.scope ?? 'backfill', {
    ...(question.environments === undefined ? {} : { environments: question.environments }),
    ...(question.limits === undefined ? {} : { limits: question.limits }),
    ...(question.pattern === undefined
      ? {}
      : { parameters: { ticket: { pattern: question.pattern, description: 'Ticket' } } }),
  })
  if (found === undefined) return undefined
  const [first, ...rest] = found.scope.allow
  const allow = question.allow ?? [{ ...first, ...question.rule }, ...rest]
  return { ...found, scope: Object.assign({ ...found.scope }, { allow }) }
}

const folder = join(import.meta.dirname, 'cases')

describe.each(readdirSync(folder))('%s', (file) => {
  const cases: Case[] = parse(readFileSync(join(folder, file), 'utf8'))

  test.each(cases.map((each) => [each.it, each] as const))('%s', (_it, question) => {
    const { decision } = answer(question)
    const codes = decision.reasons.map(({ code }) => code)
    if (question.expect === 'allowed') {
      expect(codes).toEqual(['allowed'])
      expect(decision.outcome).toBe('allow')
    } else {
      expect(codes).toEqual(question.expect)
      expect(decision.outcome).toBe('deny')
      expect(decision).not.toHaveProperty('grant')
    }
    if (question.says !== undefined) expect(decision.reasons[0]?.message).toContain(question.says)
  })
})
