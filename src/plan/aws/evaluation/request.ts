/** One call to AWS as IAM sees it. */
export interface AwsRequest {
  /** `service:Action`; compared without case. */
  readonly action: string
  /** A full ARN, or `*` when the action has no resource. */
  readonly resource: string
  readonly principal: AwsPrincipal
  /** Account that owns the resource; the principal's when absent. */
  readonly resourceAccount?: string
  readonly context: RequestContext
}

/** A session of an assumed role. */
export interface AwsPrincipal {
  readonly account: string
  /** `arn:aws:iam::123456789012:role/path/name`. */
  readonly role: string
  /** `arn:aws:sts::123456789012:assumed-role/name/session`. */
  readonly session: string
}

/** Values of condition keys. Keys are compared without case. */
export class RequestContext {
  readonly #values: ReadonlyMap<string, readonly string[]>
  /** True when every key not given is absent from the request; false when it may be there. */
  readonly complete: boolean

  constructor(
    values: Readonly<Record<string, string | readonly string[]>>,
    options: { readonly complete: boolean },
  ) {
    this.#values = new Map(
      Object.entries(values).map(([key, value]) => [
        key.toLowerCase(),
        typeof value === 'string' ? [value] : value,
      ]),
    )
    this.complete = options.complete
  }

  /** The values, an empty list for a key that is absent, or unknown. */
  valuesOf(key: string): readonly string[] | 'unknown' {
    return this.#values.get(key.toLowerCase()) ?? (this.complete ? [] : 'unknown')
  }
}
