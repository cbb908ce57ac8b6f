import { createHash, randomBytes } from 'node:crypto'
import { calculateJwkThumbprint } from 'jose'
import { OAuth2Server } from 'oauth2-mock-server'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { digestOf } from '../../src/canonical.ts'
import { evaluate } from '../../src/decision/evaluate.ts'
import { parseSource } from '../../src/document/document.ts'
import { environmentSchema, toEnvironment } from '../../src/environment/environment.ts'
import type { Caller } from '../../src/identity/caller.ts'
import { createGrantTokens } from '../../src/identity/grant-token.ts'
import type { IssuerConfig } from '../../src/identity/issuer.ts'
import { createProofVerifier } from '../../src/identity/proof.ts'
import { MemoryReplayStore } from '../../src/identity/replay.ts'
import { createVerifier, type Verifier } from '../../src/identity/verify.ts'
import type { CatalogScope } from '../../src/scope/catalog.ts'
import { scopeSchema } from '../../src/scope/scope.ts'
import { sign, signingKey } from '../support/issuer.ts'
import { AUDIENCE, issuerConfig, refusal } from './support.ts'

/** What went wrong elsewhere, walked through with tokens of real OpenID providers. */

const clock = { now: () => new Date() }
const [github, login] = [new OAuth2Server(), new OAuth2Server()]
let verifier: Verifier

beforeAll(async () => {
  for (const server of [github, login]) {
    await server.issuer.keys.generate('RS256')
    await server.start(0, '127.0.0.1')
    // The mock spells its own URL with the name of the host; tokens and discovery must agree.
    server.issuer.url = `http://127.0.0.1:${server.address().port}`
  }
  verifier = createVerifier(issuers(), { clock })
})
afterAll(() => Promise.all([github.stop(), login.stop()]))

function issuers(): Record<string, IssuerConfig> {
  return {
    github: issuerConfig(String(github.issuer.url), {
      kind: 'github',
      callers: [{ class: 'ci', claims: { repository_id: '81234567' } }],
    }),
    login: issuerConfig(String(login.issuer.url), { callers: [{ class: 'local' }] }),
  }
}

function token(server: OAuth2Server, claims: Record<string, unknown>): Promise<string> {
  return server.issuer.buildToken({
    scopesOrTransform: (_header, payload) => {
      const iat = Math.floor(Date.now() / 1000)
      Object.assign(payload, { aud: AUDIENCE, iat, exp: iat + 300, nbf: iat - 10 }, claims)
    },
  })
}

const PUSH = {
  sub: 'repo:acme/web:ref:refs/heads/main',
  jti: 'run-1',
  repository_id: '81234567',
  event_name: 'push',
  ref: 'refs/heads/main',
  actor: 'octocat',
  actor_id: '583231',
}

function scope(rule: string): CatalogScope {
  const text = `name: clean-volumes
owner: team-orders
description: Remove rows of volumes that no longer exist.
allow: [${rule}]
environments: [staging, prod]
ttl: 15m
access: { orders-db: { postgres: { tables: { public.volumes: [select, delete] } } } }
`
  const parsed = parseSource('clean-volumes.yaml', text, scopeSchema)
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.diagnostics))
  return { scope: parsed.value, digest: digestOf(text), document: parsed.document }
}

function decide(caller: Caller, environment: 'staging' | 'prod', rule: string) {
  const postgres = {
    host: `db.${environment}.example.com`,
    database: 'orders',
    admin: { user: 'credctl_broker', password: 'env:PASSWORD' },
  }
  const parsed = environmentSchema.parse({
    class: environment === 'prod' ? 'prod' : 'nonprod',
    targets: { 'orders-db': { postgres } },
  })
  const now = clock.now()
  const { decision } = evaluate(
    { scope: 'clean-volumes', environment, intent: 'clean up', parameters: {} },
    {
      grantId: '01JD4Z9QK8V6T3M2N1P0R5S7XW',
      caller,
      found: scope(rule),
      environment: toEnvironment(environment, parsed),
      usage: { liveGrants: 0, grantsLastDay: 0 },
      issuedAt: now,
      now,
    },
  )
  return decision.outcome === 'allow' ? ['allow'] : decision.reasons.map(({ code }) => code)
}

describe('an over-scoped token lying in a file is useless:', () => {
  test('text that is no identity of ours', async () => {
    for (const found of [
      'ghp_16C7e42F292c6912E7710c838347Ae178B4a',
      randomBytes(32).toString('hex'),
    ]) {
      expect(await refusal(verifier.verify(found))).toBe('token_malformed')
    }
  })

  test('a token somebody made to last', async () => {
    const exp = Math.floor(Date.now() / 1000) + 365 * 86_400
    expect(await refusal(verifier.verify(await token(github, { ...PUSH, exp })))).toBe(
      'token_lifetime_too_long',
    )
  })

  test('a token for the cloud itself', async () => {
    const aws = await token(github, { ...PUSH, aud: 'sts.amazonaws.com' })
    expect(await refusal(verifier.verify(aws))).toBe('token_audience_mismatch')
  })

  test('a token that a finished job has already used', async () => {
    const used = await token(github, { ...PUSH, jti: 'run-used' })
    expect(await refusal(verifier.verify(used, { spend: true }))).toBe('accepted')
    expect(await refusal(verifier.verify(used, { spend: true }))).toBe('token_replayed')
  })
})

describe('a laptop whose configuration says "prod"', () => {
  test('is refused by the class its login gives it, whatever the scope says', async () => {
    const laptop = await verifier.verify(
      await token(login, { sub: 'person', environment: 'prod', class: 'ci', roles: ['operator'] }),
    )
    expect(laptop).toMatchObject({ class: 'local', roles: [] })
    const rule = '{ caller: local, issuer: login, claims: { sub: person } }'
    // Deleting rows is a person's to agree to, for whoever is no job and no service.
    expect(decide(laptop, 'staging', rule)).toEqual(['approval_required'])
    expect(decide(laptop, 'prod', rule)).toEqual(['prod_for_agent_or_local'])
  })
})

describe('a pull request from a fork gets nothing', () => {
  test.each(['pull_request', 'pull_request_target', 'workflow_run', 'issue_comment'])(
    'through %s, whose token names the base repository and its default branch',
    async (event_name) => {
      const attempt = verifier.verify(await token(github, { ...PUSH, event_name }))
      expect(await refusal(attempt)).toBe('caller_unclassified')
    },
  )

  test('with a token of its own repository', async () => {
    const fork = { ...PUSH, repository_id: '99', sub: 'repo:evil/web:ref:refs/heads/main' }
    expect(await refusal(verifier.verify(await token(github, fork)))).toBe('caller_unclassified')
  })
})

describe('an agent inside CI gets the rules of an agent', () => {
  const ci = '{ caller: ci, issuer: github, claims: { repository_id: "81234567" } }'
  const agent = '{ caller: agent, issuer: github, claims: { repository_id: "81234567" } }'

  test('and not those of the job it runs in', async () => {
    const bot = { ...PUSH, actor: 'claude[bot]', actor_id: '209825114' }
    const caller = await verifier.verify(await token(github, bot))
    expect(decide(caller, 'prod', ci)).toEqual(['prod_for_agent_or_local'])
    expect(decide(caller, 'staging', ci)).toEqual(['no_rule_for_caller'])
    expect(decide(caller, 'staging', agent)).toEqual(['approval_required'])
    expect(decide(caller, 'prod', agent)).toEqual(['prod_for_agent_or_local'])
  })

  test('while the same job started by a person is a job', async () => {
    const caller = await verifier.verify(await token(github, PUSH))
    expect(decide(caller, 'prod', ci)).toEqual(['allow'])
  })
})

describe('a stolen grant token', () => {
  test('fails without its key, and is no identity to exchange', async () => {
    const [owner, thief, broker] = [
      await signingKey(),
      await signingKey(),
      await signingKey('EdDSA'),
    ]
    const pem = broker.private.export({ type: 'pkcs8', format: 'pem' }).toString()
    const tokens = await createGrantTokens({ url: AUDIENCE, keys: [pem], clock })
    const thumbprint = await calculateJwkThumbprint(owner.jwk)
    const stolen = await tokens.issue({
      grant: '01JD4Z9QK8V6T3M2N1P0R5S7XW',
      subject: 'agent-7',
      client: 'agents',
      scope: 'clean-volumes',
      environment: 'staging',
      plan: `sha256:${'0'.repeat(64)}`,
      issuedAt: new Date(),
      expiresAt: new Date(Date.now() + 900_000),
      thumbprint,
    })
    const url = `${AUDIENCE}/v1/credentials/orders-db`
    const ath = createHash('sha256').update(stolen).digest('base64url')
    const claims = { jti: '1', htm: 'GET', htu: url, iat: Math.floor(Date.now() / 1000), ath }
    const proofBy = (key: typeof thief) => sign(key, claims, { typ: 'dpop+jwt', jwk: key.jwk })
    const proofs = createProofVerifier({ clock, replay: new MemoryReplayStore(clock) })
    const bound = {
      accessToken: stolen,
      thumbprint: (await tokens.verify(stolen)).thumbprint ?? '',
    }
    const attempt = (key: typeof thief) =>
      refusal(proofs.verify({ proof: proofBy(key), method: 'GET', url, ...bound }))
    expect(await attempt(thief)).toBe('proof_invalid')
    expect(await attempt(owner)).toBe('accepted')
    expect(await refusal(verifier.verify(stolen))).toBe('token_issuer_unknown')
  })
})
