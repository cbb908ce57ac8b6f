import { CredctlError } from '../errors.ts'

/** Reads an answer of the broker field by field: anything unexpected is an error, never a default. */
export class JsonObject {
  readonly #fields: ReadonlyMap<string, unknown>
  readonly #what: string

  /** `what` names the answer in errors, which never show its content: it may be a secret. */
  constructor(value: unknown, what: string) {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw new CredctlError('unavailable', `${what} is not what a broker answers`)
    }
    this.#fields = new Map(Object.entries(value))
    this.#what = what
  }

  static parse(text: string, what: string): JsonObject {
    let value: unknown
    try {
      value = JSON.parse(text)
    } catch {
      throw new CredctlError('unavailable', `${what} is not JSON`)
    }
    return new JsonObject(value, what)
  }

  text(name: string): string {
    const value = this.optionalText(name)
    return value ?? this.#missing(name)
  }

  optionalText(name: string): string | undefined {
    const value = this.#fields.get(name)
    if (value === undefined || typeof value === 'string') return value
    return this.#missing(name)
  }

  /** Text of this form alone: what goes into files and variables must not start a line of its own. */
  matching(name: string, form: RegExp): string {
    const value = this.text(name)
    return form.test(value) ? value : this.#missing(name)
  }

  oneOf<const T extends string>(name: string, values: readonly T[]): T {
    const text = this.text(name)
    return values.find((value) => value === text) ?? this.#missing(name)
  }

  time(name: string): Date {
    const time = new Date(this.text(name))
    return Number.isNaN(time.getTime()) ? this.#missing(name) : time
  }

  integer(name: string): number {
    const value = this.#fields.get(name)
    return Number.isSafeInteger(value) ? Number(value) : this.#missing(name)
  }

  object(name: string): JsonObject {
    return new JsonObject(this.#fields.get(name), this.#what)
  }

  /** The named objects in this one, in the order of the answer. */
  objects(): [name: string, value: JsonObject][] {
    return [...this.#fields].map(([name, value]) => [name, new JsonObject(value, this.#what)])
  }

  list(name: string): JsonObject[] {
    const value = this.#fields.get(name)
    if (!Array.isArray(value)) return this.#missing(name)
    return value.map((each) => new JsonObject(each, this.#what))
  }

  texts(name: string): string[] {
    const value = this.#fields.get(name)
    const isTexts = Array.isArray(value) && value.every((each) => typeof each === 'string')
    return isTexts ? value : this.#missing(name)
  }

  has(name: string): boolean {
    return this.#fields.has(name)
  }

  /** For printing what the broker said, unread. */
  raw(): Readonly<Record<string, unknown>> {
    return Object.fromEntries(this.#fields)
  }

  #missing(name: string): never {
    throw new CredctlError('unavailable', `${this.#what} has no usable ${name}`)
  }
}
