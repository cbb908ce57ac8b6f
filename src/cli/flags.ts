import { CredctlError } from '../errors.ts'

// Flags that mean the same thing on every command that has them. Types, not interfaces: only they
// are assignable to the parser's index signature.

export type OutputFlag = {
  readonly output: 'text' | 'json'
}

export const outputFlag = {
  kind: 'enum',
  values: ['text', 'json'],
  default: 'text',
  brief: 'Form of the answer on standard output',
} as const

export type LintFormat = 'text' | 'json' | 'github' | 'sarif'

/** As `--output`, with what code review and editors show at the line. */
export const lintFormatFlag = {
  ...outputFlag,
  values: ['text', 'json', 'github', 'sarif'],
} as const

export type ScopesFlag = {
  readonly scopes: string
}

export const scopesFlag = {
  kind: 'parsed',
  parse: nonEmpty,
  default: 'task-scopes',
  placeholder: 'dir',
  brief: 'Directory of task scopes',
} as const

export type ConfigFlag = {
  readonly config: string
}

export const DEFAULT_CONFIG = 'credctl.yaml'

export const configFlag = {
  kind: 'parsed',
  parse: nonEmpty,
  default: DEFAULT_CONFIG,
  placeholder: 'file',
  brief: 'Configuration file',
} as const

export type BrokerFlag = {
  readonly broker?: string
  readonly identityTokenFile?: string
}

export const brokerFlags = {
  broker: {
    kind: 'parsed',
    parse: nonEmpty,
    optional: true,
    placeholder: 'url',
    brief: 'Address of the broker; CREDCTL_BROKER otherwise',
  },
  identityTokenFile: {
    kind: 'parsed',
    parse: nonEmpty,
    optional: true,
    placeholder: 'file',
    brief: 'File with the identity token; CREDCTL_IDENTITY_TOKEN_FILE otherwise',
  },
} as const

export const callerClassFlag = {
  kind: 'enum',
  values: ['agent', 'local'],
  optional: true,
  brief: 'Be treated as less trusted: agent, for a command that is one',
} as const

export type EnvironmentFlag = {
  readonly env: string
}

export const environmentFlag = {
  kind: 'parsed',
  parse: nonEmpty,
  placeholder: 'environment',
  brief: 'Name of the environment',
} as const

export type ParametersFlag = {
  readonly param?: readonly Pair[]
}

export const parametersFlag = {
  kind: 'parsed',
  parse: pair,
  variadic: true,
  optional: true,
  placeholder: 'name=value',
  brief: 'Value of a parameter of the scope; once for each parameter',
} as const

/** Two values for one parameter are refused: neither may win silently. */
export function parametersOf({ param = [] }: ParametersFlag): Readonly<Record<string, string>> {
  const names = param.map(([name]) => name)
  const repeated = names.find((name, index) => names.indexOf(name) !== index)
  if (repeated === undefined) return Object.fromEntries(param)
  throw new CredctlError('usage', `--param ${repeated} is given more than once`)
}

export function nonEmpty(text: string): string {
  if (text !== '') return text
  throw new SyntaxError('it is empty')
}

export type Pair = readonly [name: string, value: string]

export function pair(text: string): Pair {
  const at = text.indexOf('=')
  if (at < 1) throw new SyntaxError('expected name=value')
  return [text.slice(0, at), text.slice(at + 1)]
}
