import type { AwsTarget } from '../../environment/target-aws.ts'

/** `arn:partition:service:region:account:resource`. */
export interface Arn {
  readonly partition: string
  readonly service: string
  readonly region: string
  readonly account: string
  readonly resource: string
}

/** What is wrong with an ARN and what would be accepted. */
export interface ArnProblem {
  readonly message: string
  readonly expected: string
}

export type Result<T> =
  | { readonly ok: true; readonly value: T }
  | ({ readonly ok: false } & ArnProblem)

/** Printable ASCII without quotes, backslash, `$` and braces: nothing that a policy interprets. */
const RESOURCE = /^[A-Za-z0-9_.:/@+=,*?!'()~%#&;-]+$/
const FIELD = /^[a-z0-9-]*$|^\*$/

export function partitionOf(target: AwsTarget): string {
  return target.role.split(':')[1] ?? 'aws'
}

/** Splits an ARN strictly; the resource part keeps its own colons. */
export function parseArn(text: string): Result<Arn> {
  const [prefix, partition = '', service = '', region, account, ...rest] = text.split(':')
  const resource = rest.join(':')
  const form = 'arn:partition:service:region:account:resource'
  if (prefix !== 'arn' || region === undefined || account === undefined || rest.length === 0) {
    return refuse(`${text} is not an ARN`, form)
  }
  if (!/^[a-z][a-z0-9-]*$/.test(service) || !FIELD.test(region) || !FIELD.test(account)) {
    return refuse(`${text} is not an ARN`, `${form}, where * stands for a whole field`)
  }
  if (!RESOURCE.test(resource)) {
    const message = `${text} names a resource with characters that are not accepted`
    return refuse(message, "letters, digits and _ . : / @ + = , - ! ' ( ) ~ % # & ;")
  }
  return { ok: true, value: { partition, service, region, account, resource } }
}

export function refuse(message: string, expected: string): { ok: false } & ArnProblem {
  return { ok: false, message, expected }
}
