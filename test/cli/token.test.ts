import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { tokenInspectOutput } from '../../src/cli/output/token.ts'
import {
  type SigningKey,
  sign,
  signingKey,
  startIssuer,
  type TestIssuer,
} from '../support/issuer.ts'
import { runCredctl } from './session.ts'

let key: SigningKey
let issuer: TestIssuer
let home = ''

beforeAll(async () => {
  key = await signingKey()
  issuer = await startIssuer(key)
  home = await mkdtemp(join(tmpdir(), 'credctl-token-'))
  await writeFile(
    join(home, 'credctl.yaml'),
    `origin: credctl.test/log
url: http://127.0.0.1:8080
issuers:
  agents:
    issuer: ${issuer.url}
    audience: https://credctl.test
    algorithms: [ES256]
    callers:
      - class: ci
        claims: { pipeline: "7" }
      - class: agent
environments: {}
`,
  )
})
afterAll(async () => {
  await issuer?.[Symbol.asyncDispose]()
  await rm(home, { recursive: true, force: true })
})

function tokenOf(claims: Record<string, unknown> = {}): string {
  const now = Math.floor(Date.now() / 1000)
  const base = { iss: issuer.url, aud: 'https://credctl.test', sub: 'agent-7', iat: now }
  return sign(key, { ...base, exp: now + 300, team: 'a-secret-team', ...claims })
}

function inspect(stdin: string, ...argv: readonly string[]) {
  return runCredctl(['token', 'inspect', ...argv], { cwd: home, stdin })
}

describe('credctl token inspect', () => {
  test('says which issuer, rule and class a token gets, and shows neither it nor its values', async () => {
    const token = tokenOf()
    const { status, stdout, stderr } = await inspect(`${token}\n`)
    expect(stderr).toBe('')
    expect(status).toBe(0)
    expect(stdout).toMatch(/^accepted {4}as agent\nissuer {6}agents \(oidc\)\n/)
    expect(stdout).toContain('rule 1      ci does not match: pipeline\n')
    expect(stdout).toContain('rule 2      agent matches\n')
    expect(stdout).not.toContain('a-secret-team')
    expect(stdout).not.toContain(token.split('.')[1])
  })

  test.each([
    ['for somebody else', { aud: 'https://elsewhere' }, 'token_audience_mismatch'],
    ['that expired', { iat: 1, exp: 100 }, 'token_expired'],
    ['of a stranger', { iss: 'https://stranger.test' }, 'token_issuer_unknown'],
  ])('refuses a token %s with the code', async (_what, claims, code) => {
    const { status, stdout } = await inspect(tokenOf(claims), '--output', 'json')
    expect(status).toBe(1)
    const found = tokenInspectOutput.parse(JSON.parse(stdout))
    expect(found).toMatchObject({ accepted: false, refusal: { code } })
  })

  test.each([
    ['nothing', ''],
    ['no token', 'my secret diary'],
    ['a whole book', 'x'.repeat(100_000)],
  ])('refuses %s without repeating it', async (_what, stdin) => {
    const { status, stdout, stderr } = await inspect(stdin)
    expect(status).not.toBe(0)
    expect(stdout + stderr).not.toContain('diary')
    expect(stdout.length + stderr.length).toBeLessThan(1000)
  })
})
