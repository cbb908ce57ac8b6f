/** The subset of the IAM policy language that credctl writes and evaluates. */
export interface Policy {
  readonly Version: '2012-10-17'
  readonly Statement: readonly PolicyStatement[]
}

export type Conditions = Readonly<
  Record<string, Readonly<Record<string, string | readonly string[]>>>
>

export interface PolicyStatement {
  readonly Sid?: string
  readonly Effect: 'Allow' | 'Deny'
  readonly Principal?: '*' | Readonly<Record<string, string | readonly string[]>>
  readonly NotPrincipal?: '*' | Readonly<Record<string, string | readonly string[]>>
  readonly Action?: string | readonly string[]
  readonly NotAction?: string | readonly string[]
  readonly Resource?: string | readonly string[]
  readonly NotResource?: string | readonly string[]
  readonly Condition?: Conditions
}

/** STS's limit on an inline session policy, in characters; white space counts. */
export const MAX_POLICY_SIZE = 2048

export function policyText(statements: readonly PolicyStatement[]): string {
  const policy: Policy = { Version: '2012-10-17', Statement: statements }
  return JSON.stringify(policy)
}

/** One value needs no list: two characters of a tight budget. */
export function oneOrMany(values: readonly string[]): string | readonly string[] {
  const [only, ...others] = values
  return only !== undefined && others.length === 0 ? only : values
}

/**
 * The policy as sent to STS: the plan's, and a deny of everything after the grant's end. A session
 * lives at least 900 s and may be fetched late, so without it a credential could outlive its grant.
 */
export function policyUntil(sessionPolicy: string, end: Date): string {
  return sessionPolicy.replace(/\]\}$/, `,${expiryStatement(end)}]}`)
}

/** Characters that `policyUntil` adds, whatever the time: the plan's budget keeps them free. */
export const EXPIRY_SIZE = `,${expiryStatement(new Date(0))}`.length

/** The second in which the grant ends is already denied. */
function expiryStatement(end: Date): string {
  const time = `${end.toISOString().slice(0, 19)}Z`
  const statement: PolicyStatement = {
    Effect: 'Deny',
    Action: '*',
    Resource: '*',
    Condition: { DateGreaterThanEquals: { 'aws:CurrentTime': time } },
  }
  return JSON.stringify(statement)
}
