import { type Diagnostic, formatDiagnostic } from '../../document/diagnostic.ts'
import { CredctlError } from '../../errors.ts'
import { type Cli, EXIT } from '../cli.ts'
import type { OutputFlag } from '../flags.ts'
import type { CheckResult, DoctorOutput } from '../output/doctor.ts'
import { answer, heading, printable } from '../terminal.ts'

/** Prints what was found; any failed check fails the command. */
export function report(cli: Cli, flags: OutputFlag, results: readonly CheckResult[]): number {
  const ok = results.every(({ status }) => status !== 'failed')
  answer<DoctorOutput>(cli, flags, { ok, results: [...results] }, (value) => text(cli, value))
  return ok ? EXIT.ok : EXIT.failed
}

function text(cli: Cli, { results }: DoctorOutput): string {
  const width = Math.max(0, ...results.map(({ check, subject }) => check.length + subject.length))
  const lines = results.flatMap(({ check, subject, status, message, remedy }) => {
    const place = `${check} ${subject}`.padEnd(width + 1)
    const word = status === 'ok' ? 'ok     ' : heading(cli, status.toUpperCase().padEnd(7))
    const first = `${word}  ${printable(`${place}  ${message}`)}`
    return remedy === undefined ? [first] : [first, `         → ${printable(remedy)}`]
  })
  return lines.map((line) => `${line}\n`).join('')
}

export function fromDiagnostic(check: string, diagnostic: Diagnostic): CheckResult {
  const message = formatDiagnostic(diagnostic)
  return { check, subject: diagnostic.file, status: 'failed', message }
}

/**
 * A check that threw, for operators: they need to know what the network or the server said. The
 * remedy stands in when the error knows none of its own.
 */
export function fromError(
  place: Pick<CheckResult, 'check' | 'subject'>,
  error: unknown,
  remedy: string,
): CheckResult {
  const hint = error instanceof CredctlError ? error.hint : undefined
  return { ...place, status: 'failed', message: withCause(error), remedy: hint ?? remedy }
}

function withCause(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  // Several addresses tried in vain are one AggregateError that says nothing itself.
  const own = error instanceof AggregateError ? withCause(error.errors[0]) : error.message
  return error.cause === undefined ? own : `${own}: ${withCause(error.cause)}`
}
