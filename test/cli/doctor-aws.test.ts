import { tmpdir } from 'node:os'
import { resolve } from 'node:path'
import { expect, test } from 'vitest'
import { doctorOutput } from '../../src/cli/output/doctor.ts'
import { runCredctl } from './session.ts'

const config = resolve('credctl.example.yaml')
/** No credentials anywhere, and no way to the metadata service of a cloud machine. */
const env = {
  AWS_EC2_METADATA_DISABLED: 'true',
  AWS_CONFIG_FILE: '/dev/null',
  AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
}

test('doctor aws says that the broker has no credentials, and what to do', async () => {
  const argv = ['doctor', 'aws', 'web', '--config', config, '--output', 'json']
  const { status, stdout } = await runCredctl(argv, { cwd: tmpdir(), env })
  expect(status).toBe(1)
  expect(doctorOutput.parse(JSON.parse(stdout)).results).toEqual([
    {
      check: 'targets',
      subject: 'prod.web',
      status: 'failed',
      message: 'trust: AWS STS could not be asked (CredentialsProviderError)',
      remedy: expect.stringContaining('give the broker credentials'),
    },
  ])
})

test('doctor aws where nothing is on AWS does not speak of a target without a name', async () => {
  const argv = ['doctor', 'aws', '--env', 'nowhere', '--config', config]
  const { status, stderr } = await runCredctl(argv, { cwd: tmpdir(), env })
  expect(status).not.toBe(0)
  expect(stderr).toContain('no AWS target in nowhere')
})

test('doctor aws of a target that does not exist names those that do', async () => {
  const { status, stderr } = await runCredctl(['doctor', 'aws', 'nope', '--config', config], {
    cwd: tmpdir(),
    env,
  })
  expect(status).not.toBe(0)
  expect(stderr).toContain('exports, billing, web')
})
