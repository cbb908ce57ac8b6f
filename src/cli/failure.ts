import { REFUSED, Refusal } from '../client/refusal.ts'
import { formatDiagnostic } from '../document/diagnostic.ts'
import { DocumentError } from '../document/error.ts'
import { CredctlError } from '../errors.ts'
import { type Cli, EXIT } from './cli.ts'
import type { FailureOutput } from './output/failure.ts'
import { bold, printable, printJson } from './terminal.ts'

/** Tells people on stderr, programs on stdout, what went wrong; returns the exit status. */
export function reportFailure(
  cli: Cli,
  flags: { readonly output: string },
  thrown: unknown,
): number {
  const error = asCredctlError(thrown)
  const { stderr } = cli.process
  stderr.write(`${bold(cli, 'credctl')}: ${printable(headline(error))}\n`)
  for (const line of detailsOf(error)) stderr.write(`${printable(line)}\n`)
  if (flags.output === 'json') printJson(cli, failureOutput(error))
  return error.code === 'usage' ? EXIT.usage : EXIT.failed
}

/** The reasons of a refusal have lines of their own. */
function headline(error: CredctlError): string {
  return error instanceof Refusal && error.reasons.length > 0 ? REFUSED : error.message
}

/** What we do not know is a defect: its stack is for whoever reports it. */
function asCredctlError(thrown: unknown): CredctlError {
  if (thrown instanceof CredctlError) return thrown
  const text = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown)
  return new CredctlError('internal', `this is a defect of credctl: ${text}`)
}

function detailsOf(error: CredctlError): string[] {
  const lines: string[] = []
  if (error instanceof DocumentError) lines.push(...error.diagnostics.map(formatDiagnostic))
  if (error instanceof Refusal) {
    lines.push(...error.reasons.map(({ code, message }) => `  ${code}: ${message}`))
    if (error.request !== undefined) lines.push(`  request: ${error.request}`)
  }
  if (error.hint !== undefined) lines.push(`  ${error.hint}`)
  return lines
}

function failureOutput(error: CredctlError): FailureOutput {
  const { code, message, hint } = error
  return {
    error: {
      code,
      message,
      ...(hint === undefined ? {} : { hint }),
      ...(error instanceof DocumentError ? { problems: [...error.diagnostics] } : {}),
      ...(error instanceof Refusal ? refusalOutput(error) : {}),
    },
  }
}

function refusalOutput({ reasons, request, grant }: Refusal) {
  return {
    reasons: [...reasons],
    ...(request === undefined ? {} : { request }),
    ...(grant === undefined ? {} : { grant }),
  }
}
