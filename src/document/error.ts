import { CredctlError } from '../errors.ts'
import type { Diagnostic } from './diagnostic.ts'

/** Files that cannot be used, with every problem in them. Whoever reports it lists them all. */
export class DocumentError extends CredctlError {
  readonly diagnostics: readonly Diagnostic[]

  constructor(
    code: 'config_invalid' | 'scopes_invalid',
    message: string,
    diagnostics: readonly Diagnostic[],
  ) {
    super(code, message)
    this.diagnostics = diagnostics
  }
}
