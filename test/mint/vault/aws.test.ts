import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { systemClock, systemRandom, ulid } from '../../../src/clock.ts'
import { vaultAwsTarget } from '../../../src/environment/target-vault.ts'
import { CredctlError } from '../../../src/errors.ts'
import { VaultAwsMint } from '../../../src/mint/vault/aws.ts'
import { Secret } from '../../../src/secret/secret.ts'
import { Vault } from '../../../src/vault/vault.ts'
import { AWS_TARGET, awsGrant, type GrantOptions } from '../../support/aws-grant.ts'
import { call, setUpVault } from '../../support/vault/setup.ts'
import { FakeVault } from '../../support/vault/vault.ts'
import { vaultOf } from './world.ts'

let fake: FakeVault
let vault: Vault

beforeAll(async () => {
  fake = await new FakeVault().start()
  const nowhere = { host: '127.0.0.1', port: 1, database: 'x', user: 'x', password: 'x' }
  const token = await setUpVault(fake, 'orders', nowhere)
  await call(fake, 'POST', 'sys/mounts/aws', { type: 'aws' })
  const resolve = async () => new Secret(token)
  vault = new Vault({ address: fake.url, auth: { token: 'env:T' } }, { resolve })
})
afterAll(async () => {
  await vault.close()
  await fake.close()
})
beforeEach(() => {
  fake.aws.sessions.length = 0
})
afterEach(() => {
  fake.interfere = () => false
})

function newGrant(options: GrantOptions = {}) {
  const id = ulid(systemClock, systemRandom)
  return awsGrant({ id, issuedAt: new Date(), ...options })
}

async function mintOf(grant = newGrant(), target: Record<string, unknown> = {}) {
  const parsed = vaultAwsTarget.parse({ ...AWS_TARGET, ...target })
  const mint = new VaultAwsMint(parsed, { vault, clock: systemClock })
  const handle = await mint.prepare(grant, 'exports', mint.handle(grant, 'exports'))
  const minted = await mint.mint(grant, 'exports', handle)
  const credential = minted.credential.reveal()
  if (!('AccessKeyId' in credential)) throw new Error('not an AWS credential')
  return { mint, grant, handle: vaultOf(handle), minted, credential }
}

async function failureOf(run: Promise<unknown>): Promise<CredctlError> {
  const error: unknown = await run.catch((thrown: unknown) => thrown)
  if (error instanceof CredctlError) return error
  throw new Error(`not a refusal: ${String(error)}`)
}

describe('a session that Vault takes', () => {
  it('has the compiled policy, the tags of its scope and the grant in its name', async () => {
    const { grant, handle, minted, credential } = await mintOf()
    const plan = grant.plan.targets['exports']
    expect(fake.aws.roles.get(handle.role)).toEqual({
      credential_type: 'assumed_role',
      role_arns: [AWS_TARGET.role],
      policy_document: plan?.kind === 'aws' ? plan.sessionPolicy : '',
      default_sts_ttl: 900,
      max_sts_ttl: 900,
      session_tags: {
        'credctl:class': 'agent',
        'credctl:scope': 'copy-exports',
        'credctl:scope-digest': grant.scopeDigest,
        'credctl:environment': 'staging',
      },
    })
    expect(fake.aws.sessions).toMatchObject([{ role_session_name: `credctl-${grant.id}` }])
    expect(minted.fingerprint).toBe(credential.AccessKeyId)
    expect(minted.facts['session']).toContain(grant.id)
    expect(credential.Expiration).toBe(grant.expiresAt.toISOString())
  })

  it('of another class of caller has another role: its trust policy decides by the tag', async () => {
    const agent = await mintOf(newGrant({ caller: 'agent' }))
    const ci = await mintOf(newGrant({ caller: 'ci' }))
    expect(agent.handle.role).not.toBe(ci.handle.role)
  })

  it('has no tags where the engine knows none, and an external id where the role wants one', async () => {
    const { handle } = await mintOf(newGrant(), { session_tags: false, external_id: 'credctl' })
    const role = fake.aws.roles.get(handle.role)
    expect(role).not.toHaveProperty('session_tags')
    expect(role).toMatchObject({ external_id: 'credctl' })
  })

  it('ends by time alone, and says so: in the outcome and in the guarantees', async () => {
    const { mint, handle, minted } = await mintOf()
    expect(await mint.revoke(handle, minted.expiresAt, 'operator')).toEqual({
      outcome: 'expires',
      expiresAt: minted.expiresAt,
    })
    expect(fake.tokens.byAccessor(handle.accessor ?? '')).toBeUndefined()
    expect(mint.guarantees.join(' ')).toMatch(/by time only/)
    expect(await mint.revoke(handle, new Date(), 'expired')).toEqual({ outcome: 'gone' })
  })

  it('outlives a grant of less than fifteen minutes, and the log knows until when', async () => {
    const { minted, credential, grant } = await mintOf(newGrant({ ttl: '5m' }))
    expect(credential.Expiration).toBe(grant.expiresAt.toISOString())
    const beyond = minted.expiresAt.getTime() - grant.expiresAt.getTime()
    expect(Math.round(beyond / 60_000)).toBe(10)
  })

  it.each([
    ['another policy', { policy_document: '{"Version":"2012-10-17","Statement":[]}' }],
    ['one more policy', { policy_arns: ['arn:aws:iam::aws:policy/AdministratorAccess'] }],
    ['another role', { role_arns: ['arn:aws:iam::111122223333:role/admin'] }],
    ['groups', { iam_groups: ['admins'] }],
  ])('is refused when the Vault role has %s', async (_what, change) => {
    const { handle } = await mintOf()
    const written = fake.aws.roles.get(handle.role) ?? {}
    fake.aws.roles.set(handle.role, { ...written, ...change })
    const failure = await failureOf(mintOf())
    fake.aws.roles.set(handle.role, written)
    expect(failure).toMatchObject({ code: 'target_refused' })
    expect(failure.message).toContain(Object.keys(change)[0])
  })

  it.each([
    ['of another account', 'arn:aws:sts::999999999999:assumed-role/task/credctl-x'],
    ['of another name', 'arn:aws:sts::111122223333:assumed-role/task/vault-123'],
  ])('is refused when it is one %s', async (_what, arn) => {
    fake.interfere = ({ path }, response) => {
      if (!path.startsWith('aws/sts/')) return false
      const data = { access_key: 'A', secret_key: 'B', security_token: 'C', arn, ttl: 900 }
      response.writeHead(200, { 'content-type': 'application/json' })
      response.end(JSON.stringify({ lease_id: 'x', data }))
      return true
    }
    expect((await failureOf(mintOf())).message).toMatch(/not the session asked for/)
  })
})
