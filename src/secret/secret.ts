import { inspect } from 'node:util'

const HIDDEN = '[secret]'

/**
 * A value that must not be printed. Logging, string interpolation, `JSON.stringify` and
 * `util.inspect` all give `[secret]`; only `reveal()` gives the value, so each use is visible in a
 * search for that word.
 */
export class Secret<T> {
  readonly #value: T

  constructor(value: T) {
    this.#value = value
  }

  reveal(): T {
    return this.#value
  }

  toString(): string {
    return HIDDEN
  }

  toJSON(): string {
    return HIDDEN
  }

  [inspect.custom](): string {
    return HIDDEN
  }
}
