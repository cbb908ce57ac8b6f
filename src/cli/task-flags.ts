import {
  type BrokerFlag,
  brokerFlags,
  type EnvironmentFlag,
  environmentFlag,
  nonEmpty,
  type OutputFlag,
  outputFlag,
  type ParametersFlag,
  parametersFlag,
} from './flags.ts'

/** What a command that asks for a grant needs to know. */
export type TaskFlags = EnvironmentFlag &
  ParametersFlag &
  BrokerFlag &
  OutputFlag & { readonly scope: string; readonly intent?: string }

export const taskFlags = {
  scope: { kind: 'parsed', parse: nonEmpty, placeholder: 'name', brief: 'Name of the task scope' },
  env: environmentFlag,
  param: parametersFlag,
  intent: {
    kind: 'parsed',
    parse: nonEmpty,
    optional: true,
    placeholder: 'text',
    brief: 'What the task is for, in words, for the log',
  },
  ...brokerFlags,
  output: outputFlag,
} as const
