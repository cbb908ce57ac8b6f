import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { draftOf } from '../../src/cli/scope/new/questions.ts'
import { type Draft, scopeText } from '../../src/cli/scope/new/template.ts'
import { loadConfig } from '../../src/config.ts'
import { parseSource } from '../../src/document/document.ts'
import { scopeSchema } from '../../src/scope/scope.ts'

const DRAFT: Draft = {
  name: 'count-orders',
  owner: 'team-orders',
  description: 'Count the orders of last month.',
  caller: 'agent',
  issuer: 'agents',
  claims: { team: 'orders' },
  environments: ['dev', 'staging'],
  ttl: '15m',
  target: 'orders-db',
  kind: 'postgres',
  gives: 'change',
  on: ['public.orders', 'public."Order Lines"'],
}

describe('the file', () => {
  test('reads like one that a person wrote', () => {
    expect(scopeText(DRAFT)).toBe(`# yaml-language-server: $schema=./schema.json

name: count-orders
owner: team-orders
description: Count the orders of last month.
allow:
  - caller: agent
    issuer: agents
    claims: { team: orders }
environments: [ dev, staging ]
ttl: 15m
access:
  orders-db:
    postgres:
      tables:
        public.orders: [ select, insert, update ]
        public."Order Lines": [ select, insert, update ]
limits: { live_grants: 2 }
`)
  })

  test('says what was answered, whatever that is', () => {
    const anything = fc.string({ minLength: 10, maxLength: 200, unit: 'grapheme' })
    fc.assert(
      fc.property(anything, anything, (description, claim) => {
        const text = scopeText({ ...DRAFT, description, claims: { team: claim } })
        const parsed = parseSource('count-orders.yaml', text, scopeSchema)
        if (!parsed.ok) return
        expect(parsed.value.description).toBe(description)
        expect(parsed.value.allow).toEqual([
          { caller: 'agent', issuer: 'agents', claims: { team: claim } },
        ])
      }),
    )
  })
})

describe('questions', () => {
  test('are asked where no flag answers, with the choices of the configuration', async () => {
    const parsed = await loadConfig('credctl.yaml')
    if (!parsed.ok) throw new Error('the configuration is not valid')
    const asked: [string, readonly string[] | undefined][] = []
    const answers = ['team-orders', 'dev, staging', 'read', 'public.orders public.rates']
    const given = {
      description: 'Count the orders.',
      caller: 'agent',
      issuer: 'agents',
      claim: [['team', 'orders']],
      target: 'orders-db',
      ttl: '15m',
    } as const
    const draft = await draftOf('count-orders', given, parsed.config, async (question, choices) => {
      asked.push([question, choices])
      return answers[asked.length - 1] ?? ''
    })
    expect(draft).toEqual({
      ...DRAFT,
      description: 'Count the orders.',
      gives: 'read',
      on: ['public.orders', 'public.rates'],
    })
    expect(asked.map(([, choices]) => choices)).toEqual([
      undefined,
      ['dev', 'staging', 'prod'],
      ['read', 'change'],
      undefined,
    ])
  })
})
