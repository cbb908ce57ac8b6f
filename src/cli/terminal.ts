import { styleText } from 'node:util'
import type { Cli } from './cli.ts'
import type { OutputFlag } from './flags.ts'

/** The answer on stdout: JSON for programs, or text made from the same value. */
export function answer<T>(cli: Cli, flags: OutputFlag, value: T, text: (value: T) => string): void {
  if (flags.output === 'json') printJson(cli, value)
  else cli.process.stdout.write(text(value))
}

export function printJson(cli: Cli, value: unknown): void {
  cli.process.stdout.write(`${JSON.stringify(value, null, 2)}\n`)
}

/** A remark for people: never part of the answer. */
export function note(cli: Cli, text: string): void {
  cli.process.stderr.write(`${bold(cli, 'credctl')}: ${printable(text)}\n`)
}

/** Whether the answer may move a cursor and use more than ASCII: a person looks at it, now. */
export function isFancy({ process: { stdout, env } }: Cli): boolean {
  return stdout.isTTY === true && env['TERM'] !== 'dumb'
}

/** Bold on a terminal that wants colour (NO_COLOR, a pipe and a file do not). */
export function bold(cli: Cli, text: string): string {
  return styleText('bold', text, { stream: cli.process.stderr })
}

/** As `bold`, for text that goes to stdout. */
export function heading(cli: Cli, text: string): string {
  return styleText('bold', text, { stream: cli.process.stdout })
}

/**
 * Text from outside with nothing left that moves a cursor, hides or reorders characters: intents
 * and names come from agents, and a terminal obeys escape sequences.
 */
export function printable(text: string): string {
  return text.replaceAll(UNPRINTABLE, (character) =>
    [...character].map((each) => `\\u{${(each.codePointAt(0) ?? 0).toString(16)}}`).join(''),
  )
}

const UNPRINTABLE = /(?!\n)[\p{C}\p{Zl}\p{Zp}]/gu

/** Columns as wide as their widest cell; cells are shown on one line each. */
export function table(cli: Cli, head: readonly string[], rows: readonly string[][]): string {
  const clean = rows.map((row) => row.map((cell) => printable(cell).replaceAll('\n', '\\n')))
  const widths = head.map((title, column) =>
    Math.max(title.length, ...clean.map((row) => row[column]?.length ?? 0)),
  )
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd()
  return [heading(cli, line(head)), ...clean.map(line)].map((text) => `${text}\n`).join('')
}
