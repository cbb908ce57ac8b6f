import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  type Action,
  SERVICE_NAMES,
  type Service,
  serviceNamed,
} from '../../../src/plan/aws/actions.ts'
import { isRestricted, needsExactResource, PRESET_CLASSES } from '../../../src/plan/aws/classes.ts'
import { evaluatePolicies } from '../../../src/plan/aws/evaluation/evaluate.ts'
import { RequestContext } from '../../../src/plan/aws/evaluation/request.ts'
import { globMatches } from '../../../src/plan/aws/glob.ts'
import { planAws } from '../../../src/plan/aws/plan.ts'
import { MAX_POLICY_SIZE, type Policy, policyUntil } from '../../../src/plan/aws/policy.ts'
import { type AwsStatement, PRESETS, type Preset } from '../../../src/scope/access-aws.ts'
import { AWS_TARGET } from '../../support/aws-grant.ts'

const services = SERVICE_NAMES.flatMap((name) => serviceNamed(name) ?? [])
const everyAction = services.flatMap((service) => [...service.actions.values()])

/** A statement with what it means, worked out apart from the compiler. */
interface Meant {
  readonly statement: AwsStatement
  readonly pairs: readonly { readonly id: string; readonly arn: string }[]
}

const name = fc.stringMatching(/^[a-z][a-z0-9]{2,8}$/)

/** Resource types whose region and account are the target's or none. */
function usableTypes(service: Service): [string, string][] {
  return [...service.types].filter(([, form]) => {
    const [, , owner, region = '', account = '', ...resource] = form.split(':')
    const plain = /^(\$\{Region\})?:(\$\{Account\})?$/.test(`${region}:${account}`)
    const named = /\$\{/.test(resource.join(':'))
    return plain && named && owner === service.name && isMostSpecific(service, form)
  })
}

/** Forms that another form swallows are told apart by rules of the compiler: left out here. */
function isMostSpecific(service: Service, form: string): boolean {
  const filled = form.replaceAll(/\$\{[^}]*\}/g, 'x')
  const rivals = [...service.types.values()].filter((other) =>
    globMatches(other.replaceAll(/\$\{[^}]*\}/g, '*'), filled),
  )
  return rivals.every((other) => literal(other) < literal(form) || other === form)
}

function literal(form: string): number {
  return form.replaceAll(/\$\{[^}]*\}/g, '').length
}

const scoped = services.flatMap((service) =>
  usableTypes(service).map(([type, form]) => ({ service, type, form })),
)

const meant: fc.Arbitrary<Meant> = fc
  .record({
    place: fc.constantFrom(...scoped),
    names: fc.array(name, { minLength: 8, maxLength: 8 }),
    wildcard: fc.boolean(),
    preset: fc.option(fc.constantFrom<Preset>(...PRESETS)),
    picks: fc.array(fc.nat(), { minLength: 1, maxLength: 6 }),
  })
  .chain(({ place, names, wildcard, preset, picks }) => {
    const { service, form } = place
    const rest = [...names]
    const filled = form
      .replace(/\$\{Partition\}/, 'aws')
      .replace(/\$\{Region\}/, AWS_TARGET.region)
      .replace(/\$\{Account\}/, AWS_TARGET.account)
      .replaceAll(/\$\{[^}]*\}/g, () => rest.shift() ?? 'x')
    const isBucket = /^arn:aws:s3:::[^/]*$/.test(filled)
    const arn = wildcard && !isBucket && preset !== 'operate' ? `${filled}*` : filled
    const types = [...service.types].filter(([, other]) => other === form).map(([type]) => type)
    const fitting = [...service.actions.values()].filter(
      (action) =>
        action.types.some((type) => types.includes(type)) &&
        action.id !== 'iam:PassRole' &&
        !(arn.endsWith('*') && needsExactResource(action.class)),
    )
    const chosen = preset
      ? fitting.filter((action) => PRESET_CLASSES[preset].includes(action.class))
      : picks.flatMap((pick) => fitting[pick % fitting.length] ?? [])
    const ids = [...new Set(chosen.map((action) => action.id))]
    const statement: AwsStatement = {
      do: preset ?? ids,
      on: [arn],
      ...(chosen.some((action) => isRestricted(action.class)) ? { reason: 'a test of it' } : {}),
    }
    return fc.constant({ statement, pairs: ids.map((id) => ({ id, arn })) })
  })
  .filter(({ pairs }) => pairs.length > 0)

const scope = fc.array(meant, { minLength: 1, maxLength: 3 })

const EVERYTHING: Policy = {
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Principal: '*', Action: '*', Resource: '*' }],
}

/** What key policies usually say: the account's own policies decide. */
const DELEGATION: Policy = {
  Version: '2012-10-17',
  Statement: [
    { Effect: 'Allow', Principal: { AWS: AWS_TARGET.account }, Action: '*', Resource: '*' },
  ],
}

function answer(session: Policy, id: string, resource: string, open: boolean) {
  return evaluatePolicies(
    {
      action: id,
      resource,
      principal: { account: AWS_TARGET.account, role: AWS_TARGET.role, session: 'arn:aws:sts::s' },
      context: new RequestContext(
        {
          'aws:RequestedRegion': AWS_TARGET.region,
          'aws:CurrentTime': '2026-11-20T12:00:00Z',
          's3:ResourceAccount': AWS_TARGET.account,
        },
        { complete: true },
      ),
    },
    { identity: [EVERYTHING], session: [session], resource: [open ? EVERYTHING : DELEGATION] },
  ).answer
}

const probe = (arn: string) => arn.replace(/\*$/, '-77')

test('a compiled policy allows what is declared, and a resource policy for everyone opens nothing else', () => {
  let compiled = 0
  fc.assert(
    fc.property(scope, fc.array(fc.nat(), { minLength: 40, maxLength: 40 }), (parts, picks) => {
      const planned = planAws(
        parts.map(({ statement }) => statement),
        AWS_TARGET,
        { ttlSeconds: 900 },
      )
      if (!planned.ok) {
        // Only the budget may refuse such a scope.
        expect(planned.problems.map(({ message }) => message).join()).toMatch(/characters/)
        return
      }
      compiled += 1
      const text = policyUntil(planned.plan.sessionPolicy, new Date('2026-11-20T12:15:00Z'))
      expect(text.length).toBe(planned.plan.policySize)
      expect(text.length).toBeLessThanOrEqual(MAX_POLICY_SIZE)
      const session: Policy = JSON.parse(text)

      const pairs = parts.flatMap((part) => part.pairs)
      for (const { id, arn } of pairs)
        expect([id, answer(session, id, probe(arn), false)]).toEqual([id, 'allowed'])

      const arns = [...new Set(pairs.map(({ arn }) => probe(arn)))]
      const resources = [...arns, ...arns.map((arn) => `${arn}x/y`), 'arn:aws:s3:::other/key', '*']
      const used = new Set(parts.flatMap(({ pairs: own }) => own.map(({ id }) => id.split(':')[0])))
      const near = everyAction.filter((action) => used.has(action.service))
      const tried: Action[] = picks.flatMap((pick, index) => {
        const from = index % 2 === 0 ? near : everyAction
        return from[pick % from.length] ?? []
      })
      for (const { id } of [...tried, ...pairs.map((pair) => ({ id: pair.id }))]) {
        for (const resource of resources) {
          const declared = pairs.some((p) => p.id === id && globMatches(p.arn, resource))
          if (declared || !actsOn(id, resource)) continue
          expect([id, resource, answer(session, id, resource, true)]).toEqual([
            id,
            resource,
            'denied',
          ])
        }
      }
    }),
    { numRuns: 150, seed: 20261120 },
  )
  expect(compiled).toBeGreaterThan(80)
})

/** AWS asks about an action only on resources of its own types, or on none. */
function actsOn(id: string, resource: string): boolean {
  const action = everyAction.find((each) => each.id === id)
  if (action === undefined || resource === '*') return true
  const forms = action.types.flatMap((type) => serviceNamed(action.service)?.types.get(type) ?? [])
  return forms.some((form) => globMatches(form.replaceAll(/\$\{[^}]*\}/g, '*'), resource))
}

test('equal scopes give equal text, in whatever order statements, actions and resources stand', () => {
  fc.assert(
    fc.property(scope, (parts) => {
      const statements = parts.map(({ statement }) => statement)
      const mirrored = [...statements].reverse().map((statement) => ({
        ...statement,
        do: Array.isArray(statement.do) ? [...statement.do].reverse() : statement.do,
        on: [...statement.on].reverse(),
      }))
      const one = planAws(statements, AWS_TARGET, { ttlSeconds: 900 })
      const other = planAws(mirrored, AWS_TARGET, { ttlSeconds: 900 })
      if (one.ok && other.ok) expect(other.plan).toEqual(one.plan)
      else expect(other.ok).toBe(one.ok)
    }),
    { numRuns: 150, seed: 20261120 },
  )
})
