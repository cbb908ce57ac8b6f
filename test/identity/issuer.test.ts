import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { parseSource } from '../../src/document/document.ts'
import { issuerProblems, issuerSchema } from '../../src/identity/issuer.ts'
import { issuerConfig } from './support.ts'

const GOOD = `
issuer: https://token.example.test
audience: https://broker.test
callers:
  - class: ci
    claims: { repository_id: "81234567" }
`

function problems(text: string): string[] {
  const parsed = parseSource('issuer.yaml', text, issuerSchema)
  return parsed.ok
    ? []
    : parsed.diagnostics.map(({ line, message, expected }) => `${line}: ${message}; ${expected}`)
}

test('a short entry gets safe defaults', () => {
  const parsed = parseSource('issuer.yaml', GOOD, issuerSchema)
  expect(parsed).toMatchObject({
    ok: true,
    value: {
      audience: ['https://broker.test'],
      algorithms: ['RS256', 'ES256', 'EdDSA'],
      max_lifetime: 3600,
      clock_tolerance: 30,
      required_claims: [],
    },
  })
})

test('the entries of the documentation are accepted', () => {
  const text = readFileSync('docs/identity.md', 'utf8')
  const blocks = [...text.matchAll(/```yaml\n(.*?)```/gs)].map(([, yaml = '']) => yaml)
  const whole = blocks.find((yaml) => yaml.startsWith('issuers:')) ?? ''
  const review = blocks.find((yaml) => yaml.trim().startsWith('token_review:')) ?? ''
  const place = 'uid: 7a1d4b0c-2c7f-4d1e-9a57-0f4d2b6f8a11 }\n'
  const document = z.strictObject({ issuers: z.record(z.string(), issuerSchema) })
  for (const yaml of [whole, whole.replace(place, place + review)]) {
    const parsed = parseSource('identity.md', yaml, document)
    expect(parsed.ok ? [] : parsed.diagnostics).toEqual([])
    expect(parsed.ok && Object.keys(parsed.value.issuers)).toContain('people')
  }
})

describe('an issuer entry is refused for', () => {
  test.each([
    ['a misspelt key', 'algorithm: [RS256]', /unknown key "algorithm"; one of .*algorithms/],
    ['no signature', 'algorithms: [none]', /not accepted/],
    ['a shared secret', 'algorithms: [RS256, HS256]', /not accepted/],
    ['an empty algorithm list', 'algorithms: []', /algorithms|expected/i],
    ['a life of a year', 'max_lifetime: 8760h', /between 1m and 24h/],
    ['a life without an end', 'max_lifetime: 0s', /not an accepted duration/],
    ['a tolerance of an hour', 'clock_tolerance: 1h', /between 1s and 2m/],
    ['a plain http key URL', 'jwks_url: http://keys.test/jwks', /not an accepted URL; https/],
    ['a key URL with a password', 'jwks_url: https://a:b@keys.test/', /not an accepted URL/],
    ['a key URL that is a file', 'jwks_url: file:///etc/passwd', /not an accepted URL/],
  ])('%s', (_name, line, message) => {
    expect(problems(GOOD + line)).toEqual([expect.stringMatching(message)])
  })

  test.each([
    'http://token.example.test',
    'https://TOKEN.example.test',
    'https://token.example.test:443',
    'https://token.example.test/a/../b',
    'https://token.example.test?tenant=1',
    'https://token.example.test?',
    'https://token.example.test#',
    'https://token.example.test/tenant?',
    'https://token.example.test/tenant#',
    'https://user@token.example.test',
    'https://token.example.test/*',
    'token.example.test',
  ])('the issuer %s', (url) => {
    const text = GOOD.replace('https://token.example.test', url)
    const expected = url.endsWith('*') ? [] : [expect.stringMatching(/^2: not an accepted URL/)]
    expect(problems(text)).toEqual(expected)
  })

  test.each([
    ['roles of a machine', 'class: ci\n    roles: [operator]', /class ci cannot hold roles/],
    ['an unknown class', 'class: root', /"class" has a value that is not accepted; "agent" or/],
    [
      'a step-up for no role',
      'class: human\n    step_up: { max_age: 10m }',
      /a step-up for no role; .*no step_up, or roles/,
    ],
    [
      'a step-up that asks for nothing',
      'class: human\n    roles: [operator]\n    step_up: {}',
      /a step-up that asks for nothing/,
    ],
    [
      'a step-up that would break a header',
      `class: human\n    roles: [operator]\n    step_up: { acr: ['a", max_age="1'] }`,
      /not an acr value/,
    ],
    ['an unknown role', 'class: human\n    roles: [admin]', /"operator" or "approver"/],
  ])('%s', (_name, rule, message) => {
    expect(problems(GOOD.replace('class: ci', rule))).toEqual([expect.stringMatching(message)])
  })

  test.each(['ci', 'workload', 'human'])('class %s for everyone', (name) => {
    const text = GOOD.replace('class: ci', `class: ${name}`).replace(/ {4}claims.*\n/, '')
    expect(problems(text)).toEqual([expect.stringMatching(/for everyone this issuer knows/)])
  })

  test('no callers, so that an empty list never means everyone', () => {
    const text = GOOD.replace(/callers:[\s\S]*/, 'callers: []')
    expect(problems(text)).toEqual([expect.stringMatching(/no callers/)])
  })
})

test.each(['agent', 'local'])('class %s may be everyone: it never reaches prod', (name) => {
  const text = GOOD.replace('class: ci', `class: ${name}`).replace(/ {4}claims.*\n/, '')
  expect(problems(text)).toEqual([])
})

test('two entries for one issuer are refused, whatever else differs', () => {
  const one = issuerConfig('https://a.test', {})
  const two = issuerConfig('https://a.test', { audience: 'https://other.test' })
  const slash = issuerConfig('https://a.test/', {})
  expect(issuerProblems({ one, slash }, 'https://broker.test')).toEqual([])
  expect(issuerProblems({ one, two }, 'https://broker.test')).toEqual([
    expect.objectContaining({
      path: ['two', 'issuer'],
      message: 'issuer one already has this URL',
    }),
  ])
})

test('the broker cannot be an issuer of its own callers', () => {
  const self = issuerConfig('https://broker.test/', {})
  expect(issuerProblems({ self }, 'https://broker.test')).toEqual([
    expect.objectContaining({ message: 'the broker itself is no issuer of callers' }),
  ])
})

describe('an entry of a known kind', () => {
  const entry = (kind: string, rule: string, url = 'https://token.example.test') =>
    `kind: ${kind}\nissuer: ${url}\naudience: https://broker.test\ncallers:\n  - ${rule}\n`

  test('takes the defaults of its kind, and an operator may still set them', () => {
    const github = issuerConfig('https://a.test', { kind: 'github' })
    expect(github).toMatchObject({ algorithms: ['RS256'], max_lifetime: 900, replay: 'once' })
    const loose = { kind: 'github', max_lifetime: '30m', replay: 'allowed', algorithms: ['ES256'] }
    expect(issuerConfig('https://a.test', loose)).toMatchObject({
      algorithms: ['ES256'],
      max_lifetime: 1800,
      replay: 'allowed',
    })
  })

  test.each([
    ['github', '{ class: ci, claims: { repository: acme/web } }', /at least one of repository_id/],
    ['github', '{ class: ci, claims: { sub: "repo:acme/web" } }', /at least one of repository_id/],
    ['github', '{ class: agent }', /at least one of repository_id/],
    [
      'github',
      '{ class: human, claims: { repository_id: "1" } }',
      /cannot be of class human; agent/,
    ],
    ['github', '{ class: local, claims: { repository_id: "1" } }', /cannot be of class local/],
    ['gitlab', '{ class: ci, claims: { project_path: acme/web } }', /at least one of project_id/],
    ['kubernetes', '{ class: workload, claims: { sub: x } }', /serviceaccount\/uid/],
    [
      'aws',
      '{ class: workload, claims: { "https://sts.amazonaws.com//aws_account": "1" } }',
      /of sub/,
    ],
    [
      'aws',
      '{ class: workload, claims: { sub: x, "https://sts.amazonaws.com//request_tags/team": a } }',
      /the asker chooses the value of/,
    ],
    ['agent-platform', '{ class: ci, claims: { team: orders } }', /cannot be of class ci; agent/],
    ['spiffe', '{ class: workload, claims: { sub: x } }', /does not go with this issuer; spiffe:/],
    ['jenkins', '{ class: ci, claims: { a: b } }', /"oidc" or "github"/],
  ])('%s with %s is refused', (kind, rule, message) => {
    expect(problems(entry(kind, rule))).toEqual([expect.stringMatching(message)])
  })

  test('a trust domain needs kind spiffe and the URL of its bundle', () => {
    const rule = '{ class: workload, claims: { sub: "spiffe://acme.test/a" } }'
    expect(problems(entry('oidc', rule, 'spiffe://acme.test'))).toEqual([
      expect.stringMatching(/does not go with this issuer; kind: spiffe/),
    ])
    expect(problems(entry('spiffe', rule, 'spiffe://acme.test'))).toEqual([
      expect.stringMatching(/missing "jwks_url"; the URL of the trust bundle/),
    ])
    const whole = `${entry('spiffe', rule, 'spiffe://acme.test')}jwks_url: https://spire.acme.test/\n`
    expect(problems(whole)).toEqual([])
  })
})
