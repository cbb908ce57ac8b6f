// What a step says to the runner of GitHub Actions: inputs, masks, variables, outputs, state.
import { randomUUID } from 'node:crypto'
import { appendFileSync } from 'node:fs'

/** An input of action.yml; an empty one counts as left out. */
export function input(name, fallback) {
  const value = (process.env[`INPUT_${name.toUpperCase()}`] ?? '').trim()
  if (value !== '') return value
  if (fallback !== undefined) return fallback
  throw new Error(`input ${name} is missing`)
}

/** What `saveState` kept in the main step, or nothing. */
export function state(name) {
  return process.env[`STATE_${name}`] ?? ''
}

/** Hides a secret in everything that the job prints from here on, line by line as well. */
export function mask(secret) {
  const lines = secret.split(/\r?\n/).filter((line) => line.trim() !== '')
  for (const each of new Set([secret, ...lines])) command('add-mask', each)
}

export function notice(message) {
  command('notice title=credctl', message)
}

export function warning(message) {
  command('warning title=credctl', message)
}

/** For every later step of the job. */
export function setEnv(name, value) {
  append('GITHUB_ENV', name, value)
}

export function output(name, value) {
  append('GITHUB_OUTPUT', name, value)
}

/** For the post step alone. */
export function saveState(name, value) {
  append('GITHUB_STATE', name, value)
}

export function summary(markdown) {
  const file = process.env['GITHUB_STEP_SUMMARY']
  if (file !== undefined && file !== '') appendFileSync(file, markdown)
}

/** Reports what went wrong as an annotation of the job. */
export async function endOnFailure(run) {
  try {
    await run()
  } catch (error) {
    command('error title=credctl', error instanceof Error ? error.message : String(error))
    process.exitCode = 1
  }
}

/** One line to the runner; text cannot end it, nor begin another command. */
function command(name, text) {
  const data = text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A')
  process.stdout.write(`::${name}::${data}\n`)
}

/**
 * `name<<delimiter`: the value stands between two lines that nobody can guess, so that no value
 * sets a variable of its own.
 */
function append(variable, name, value) {
  const file = process.env[variable]
  if (file === undefined || file === '')
    throw new Error(`${variable} is not set: is this a runner?`)
  const delimiter = `credctl_${randomUUID()}`
  appendFileSync(file, `${name}<<${delimiter}\n${value}\n${delimiter}\n`)
}
