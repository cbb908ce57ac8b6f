import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { checkSecrets } from '../../src/cli/doctor/secrets.ts'
import { parseConfig } from '../../src/config.ts'
import { openSecrets } from '../../src/secrets.ts'
import { type Content, startSecretsManager } from '../support/secrets-manager.ts'

const VALUE = 'hunter2-canary'

let aws: Awaited<ReturnType<typeof startSecretsManager>>
beforeAll(async () => {
  aws = await startSecretsManager()
})
afterAll(() => aws.close())

/** What `credctl doctor` says about the password of one database. */
async function doctor(reference: string, content: Content | undefined) {
  aws.secrets.clear()
  if (content !== undefined) aws.secrets.set('prod/orders', content)
  const place = { host: '127.0.0.1', port: 1, database: 'orders', tls: 'disable' }
  const database = { postgres: { ...place, admin: { user: 'broker', password: reference } } }
  const text = JSON.stringify({
    origin: 'credctl.example.com/log',
    url: 'http://127.0.0.1:1',
    issuers: {},
    environments: { staging: { class: 'nonprod', targets: { 'orders-db': database } } },
  })
  const parsed = await parseConfig('credctl.yaml', text)
  if (!parsed.ok) throw new Error(JSON.stringify(parsed))
  const secrets = openSecrets(parsed.config, {}, aws.place)
  const results = await checkSecrets(parsed.config, secrets.resolve)
  await secrets.close()
  expect(JSON.stringify(results)).not.toContain('canary')
  return results
}

describe('credctl doctor about a password in Secrets Manager', () => {
  test('says that it is there, by its reference alone', async () => {
    const content = { SecretString: JSON.stringify({ password: VALUE }) }
    const reference = 'aws-sm:prod/orders#password'
    const [result, ...more] = await doctor(reference, content)
    const subject = 'staging.orders-db.admin.password'
    expect(result).toEqual({ check: 'secrets', subject, status: 'ok', message: reference })
    expect(more).toEqual([])
  })

  test.each<[string, string, Content | undefined, RegExp]>([
    ['is not there', '', undefined, /no such secret/],
    ['throttles us, however often we ask', '', { error: 'ThrottlingException' }, /throttling us/],
    ['has no current version', '', { error: 'InvalidRequestException' }, /no current version/],
    ['is binary', '', { SecretBinary: 'Y2FuYXJ5' }, /is binary/],
    ['is JSON without the field', '#user', { SecretString: `{"a":"${VALUE}"}` }, /no such field/],
    ['is no JSON, when a field is asked for', '#user', { SecretString: VALUE }, /no such field/],
    ['may not be read', '', { error: 'AccessDeniedException' }, /GetSecretValue is missing/],
    ['may not be decrypted', '', { error: 'DecryptionFailure' }, /kms:Decrypt is missing/],
    ['is empty', '', { SecretString: '' }, /it is empty/],
  ])('says that it %s, and what to do', async (_what, field, content, words) => {
    const reference = `aws-sm:prod/orders${field}`
    const [result] = await doctor(reference, content)
    expect(result?.status).toBe('failed')
    expect(result?.message).toMatch(words)
    expect(result?.message).toContain(reference)
    expect(result?.remedy).toBe(
      `Put it into prod/orders${field} in Secrets Manager, readable by the broker.`,
    )
  })
})
