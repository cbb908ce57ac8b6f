import { command } from '../command.ts'
import { callerClassFlag, environmentFlag, nonEmpty } from '../flags.ts'
import { taskFlags } from '../task-flags.ts'

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
      ...taskFlags,
      scope: { ...taskFlags.scope, optional: true },
      env: { ...environmentFlag, optional: true },
      callerClass: callerClassFlag,
    },
  },
  docs: {
    brief: 'Print the AWS credential of a target, as credential_process of a profile',
    examples: [
      'aws --profile exports s3 ls   # in the profile: credential_process = credctl aws-credentials --target exports',
    ],
    fullDescription:
      'With --scope and --env, starts a grant or uses the one that an earlier call started, and keeps the credential for this user alone until shortly before its expiry. Without them it works under credctl exec, which writes such a profile for every AWS target of its grant. The answer is always the JSON that AWS SDKs read, and never goes to a terminal.',
    customUsage: [
      '--target name --scope name --env environment [--param name=value]...',
      '--target name',
    ],
  },
})
