import type { LoweredClass } from '../../client/grant.ts'
import type { BrokerFlag, OutputFlag, ParametersFlag } from '../flags.ts'

export type AwsCredentialsFlags = BrokerFlag &
  OutputFlag &
  ParametersFlag & {
    readonly target: string
    readonly scope?: string
    readonly env?: string
    readonly intent?: string
    readonly callerClass?: LoweredClass
  }
