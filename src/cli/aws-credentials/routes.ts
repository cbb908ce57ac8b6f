import { command } from '../command.ts'
import { brokerFlags, nonEmpty, outputFlag } from '../flags.ts'

export const awsCredentialsCommand = command({
  run: () => import('./aws-credentials.ts'),
  parameters: {
    flags: {
      target: {
        kind: 'parsed',
        parse: nonEmpty,
        placeholder: 'name',
        brief: 'Name of the AWS target',
      },
      ...brokerFlags,
      output: outputFlag,
    },
  },
  docs: {
    brief: 'Print the AWS credential of a target, as credential_process of a profile',
    fullDescription:
      'Works under credctl exec, which writes such a profile for every AWS target of its grant. The answer is always the JSON that AWS SDKs read, and never goes to a terminal.',
  },
})
