import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { toEnvironment } from '../../src/environment/environment.ts'
import { fillParameters } from '../../src/plan/parameters.ts'
import { planScope } from '../../src/plan/plan.ts'
import { scopeSchema } from '../../src/scope/scope.ts'

const scope = scopeSchema.parse(
  parse(`
name: exports
owner: orders
description: A scope with two holes in one resource.
allow: [{ caller: agent, issuer: agents, claims: { team: orders } }]
environments: [dev]
ttl: 15m
parameters:
  ticket: { pattern: "(?s).*", description: Anything at all }
  day: { pattern: "(?s).*", description: Anything at all }
access:
  exports:
    aws:
      - do: [s3:GetObject]
        on: ["arn:aws:s3:::exports-\${environment}/\${ticket}/\${day}/*"]
`),
)

const dev = toEnvironment('dev', {
  class: 'nonprod',
  targets: {
    exports: {
      aws: {
        account: '111122223333',
        region: 'eu-central-1',
        role: 'arn:aws:iam::111122223333:role/task',
      },
    },
  },
})

const hole = (name: string) => `\${${name}}`

/** Text that means something to whoever reads a policy, a path, a pattern or a template. */
const hostile = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 20 }),
  fc.string({
    unit: fc.constantFrom(...'aZ09._=@-*?/:$"\'\\{},[]()|%\0\n\r\t \u2215\uff0f\u200b'),
    maxLength: 12,
  }),
  fc.constantFrom(
    '*',
    '..',
    hole('day'),
    hole('ticket'),
    hole('environment'),
    '$&',
    '$1',
    "$'",
    hole('aws:username'),
    'a/../b',
    '%2e%2e',
    '"]},{"Effect":"Allow"',
    '__proto__',
  ),
  fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._=@-]{0,20}$/),
)

describe('whatever values a caller sends', () => {
  test('a filled resource is the declared one with plain names in its holes', () => {
    let filled = 0
    fc.assert(
      fc.property(hostile, hostile, (ticket, day) => {
        const result = fillParameters(scope, 'dev', { ticket, day })
        if (!result.ok) return
        filled += 1
        const access = result.access['exports']
        if (access === undefined || !('aws' in access)) throw new Error('no access')
        const [resource = ''] = access.aws[0]?.on ?? []
        expect(resource).toBe(`arn:aws:s3:::exports-dev/${ticket}/${day}/*`)
        expect(resource).toMatch(
          /^arn:aws:s3:::exports-dev\/(?:[A-Za-z0-9][A-Za-z0-9._=@-]*)\/(?:[A-Za-z0-9][A-Za-z0-9._=@-]*)\/\*$/,
        )
        expect(resource).not.toContain('..')
      }),
      { numRuns: 1500 },
    )
    expect(filled).toBeGreaterThan(50)
  })

  test('a plan has one resource, under the declared prefix, and never throws', () => {
    fc.assert(
      fc.property(hostile, hostile, (ticket, day) => {
        const planned = planScope(scope, dev, { ticket, day })
        if (!planned.ok) return
        const target = planned.plan.targets['exports']
        if (target?.kind !== 'aws') throw new Error('no target')
        expect(target.resources).toEqual({ named: 0, wildcard: 1 })
        expect(() => JSON.parse(target.sessionPolicy)).not.toThrow()
        expect(target.sessionPolicy).toContain(`"arn:aws:s3:::exports-dev/${ticket}/${day}/*"`)
      }),
      { numRuns: 100 },
    )
  })

  test('names of parameters that the scope does not have are refused', () => {
    const name = fc.oneof(
      fc.string({ maxLength: 10 }),
      fc.constantFrom('environment', '__proto__', 'constructor', 'toString', 'TICKET', 'ticket '),
    )
    fc.assert(
      fc.property(name, hostile, (key, value) => {
        fc.pre(key !== 'ticket' && key !== 'day')
        const values = Object.fromEntries([
          ['ticket', 'a'],
          ['day', 'b'],
          [key, value],
        ])
        const result = fillParameters(scope, 'dev', values)
        expect(result.ok || result.problems.map(({ code }) => code)).toEqual(['parameter_unknown'])
      }),
    )
  })
})
