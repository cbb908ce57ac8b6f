import { generateKeyPairSync } from 'node:crypto'
import { type CryptoKey, compactVerify, exportJWK, generateKeyPair, SignJWT } from 'jose'
import { systemClock, systemRandom, ulid } from '../src/clock.ts'
import { createGrantTokens } from '../src/identity/grant-token.ts'
import { issuerSchema } from '../src/identity/issuer.ts'
import { createVerifier } from '../src/identity/verify.ts'
import { against, measure, type Row } from './row.ts'

const COUNT = 4000
const ISSUER = 'https://token.example.com'
const BROKER = 'https://broker.example.com'

/** Verification of callers' tokens and of grant tokens, beside the signature check alone. */
export async function bench(): Promise<readonly Row[]> {
  const rows: Row[] = []
  for (const alg of ['ES256', 'RS256', 'EdDSA'] as const) rows.push(...(await callerTokens(alg)))
  return [...rows, ...(await grantTokens())]
}

async function callerTokens(alg: 'ES256' | 'RS256' | 'EdDSA'): Promise<Row[]> {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true })
  const token = await callerToken(alg, privateKey)
  const jwk = { ...(await exportJWK(publicKey)), kid: 'k1', use: 'sig', alg }
  const verifier = createVerifier(
    { ci: issuerOf() },
    { clock: systemClock, fetch: async () => Response.json({ keys: [jwk] }) },
  )
  const options = { count: COUNT, warmup: 500 }
  const bare = await measure(`signature of a ${alg} token, jose alone`, options, () =>
    compactVerify(token, publicKey),
  )
  const whole = await measure(`identity: verify a ${alg} token`, options, () =>
    verifier.verify(token),
  )
  return [bare, against(whole, bare)]
}

function issuerOf() {
  return issuerSchema.parse({
    kind: 'github',
    issuer: ISSUER,
    jwks_url: `${ISSUER}/jwks`,
    audience: BROKER,
    algorithms: ['ES256', 'RS256', 'EdDSA'],
    callers: [
      { class: 'ci', claims: { repository_id: '81234567', ref: 'refs/heads/main' } },
      { class: 'agent', claims: { repository_id: '81234567', actor_id: '1' } },
    ],
  })
}

/** As large as a token of GitHub Actions: about thirty claims. */
function callerToken(alg: string, key: CryptoKey): Promise<string> {
  const extra = Array.from({ length: 22 }, (_, index) => [`claim_${index}`, `value ${index}`])
  return new SignJWT({
    ...Object.fromEntries(extra),
    repository_id: '81234567',
    repository_owner_id: '4412345',
    ref: 'refs/heads/main',
    event_name: 'push',
    actor_id: '583231',
  })
    .setProtectedHeader({ alg, kid: 'k1', typ: 'JWT' })
    .setIssuer(ISSUER)
    .setAudience(BROKER)
    .setSubject('repo:acme/web:ref:refs/heads/main')
    .setJti('7c1f')
    .setIssuedAt()
    .setExpirationTime('15m')
    .sign(key)
}

async function grantTokens(): Promise<Row[]> {
  const pair = generateKeyPairSync('ed25519')
  const pem = pair.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  const tokens = await createGrantTokens({ url: BROKER, keys: [pem], clock: systemClock })
  const token = await tokens.issue({
    grant: ulid(systemClock, systemRandom),
    subject: 'agent-7',
    client: 'agents',
    scope: 'backfill-order-totals',
    environment: 'staging',
    plan: `sha256:${'0'.repeat(64)}`,
    issuedAt: new Date(),
    expiresAt: new Date(Date.now() + 900_000),
  })
  const options = { count: COUNT, warmup: 500 }
  const bare = await measure('signature of a grant token, jose alone', options, () =>
    compactVerify(token, pair.publicKey),
  )
  const whole = await measure('identity: verify a grant token', options, () => tokens.verify(token))
  return [bare, against(whole, bare)]
}
