import { AssumeRoleCommand, STSClient } from '@aws-sdk/client-sts'
import { mockClient } from 'aws-sdk-client-mock'
import { afterEach, describe, expect, test } from 'vitest'
import { stsMint } from '../../../src/mint/sts/mint.ts'
import { AWS_TARGET, awsGrant } from '../../support/aws-grant.ts'

const CREDENTIAL = '01JD0000000000000000000009'
const NOW = new Date('2026-11-20T12:00:00Z')
const parts = { clock: { now: () => NOW }, random: (size: number) => Buffer.alloc(size, 7) }

describe('an answer that is not the session asked for', () => {
  const mock = mockClient(STSClient)
  afterEach(() => mock.reset())

  const keys = {
    AccessKeyId: 'ASIA1',
    SecretAccessKey: 's',
    SessionToken: 't',
    Expiration: new Date(NOW.getTime() + 3_600_000),
  }

  test.each([
    ['another account', `arn:aws:sts::999922223333:assumed-role/task/SESSION`, keys],
    ['another session', `arn:aws:sts::111122223333:assumed-role/task/other`, keys],
    [
      'no secret key',
      `arn:aws:sts::111122223333:assumed-role/task/SESSION`,
      { ...keys, SecretAccessKey: '' },
    ],
  ])('%s is refused', async (_name, arn, credentials) => {
    const port = stsMint(AWS_TARGET, parts)
    const grant = awsGrant({ issuedAt: NOW })
    const handle = port.handle(grant, 'exports', CREDENTIAL)
    const session = handle.kind === 'aws' ? handle.session : ''
    mock.on(AssumeRoleCommand).resolves({
      Credentials: credentials,
      AssumedRoleUser: { Arn: arn.replace('SESSION', session), AssumedRoleId: 'AROA1:x' },
    })
    await expect(port.mint(grant, 'exports', handle)).rejects.toMatchObject({
      code: 'target_refused',
    })
  })
})
