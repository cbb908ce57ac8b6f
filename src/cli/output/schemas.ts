import type { z } from 'zod'
import { awsCredentialsOutput } from './aws-credentials.ts'
import { failureOutput } from './failure.ts'
import { scopeLintOutput, scopeListOutput, scopePlanOutput, scopeShowOutput } from './scope.ts'

/** What each command prints with `--output json`; `failure` is what any of them prints instead. */
export const OUTPUTS = {
  'scope list': scopeListOutput,
  'scope show': scopeShowOutput,
  'scope lint': scopeLintOutput,
  'scope plan': scopePlanOutput,
  'aws-credentials': awsCredentialsOutput,
  failure: failureOutput,
} as const satisfies Record<string, z.ZodType>
