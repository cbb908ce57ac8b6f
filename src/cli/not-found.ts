import { nearest } from '../document/nearest.ts'
import { CredctlError } from '../errors.ts'

/** A name that is not there, or none of its kind where no name was given, with the one that was meant or all there are. */
export function notFound(
  what: string,
  name: string | undefined,
  where: string,
  known: Iterable<string>,
): CredctlError {
  const names = [...known]
  const close = name === undefined ? undefined : nearest(name, names)
  const hint =
    close !== undefined
      ? `Did you mean ${close}?`
      : names.length > 0
        ? `There are: ${names.join(', ')}.`
        : 'There are none.'
  const named = name === undefined ? '' : ` ${JSON.stringify(name)}`
  return new CredctlError('not_found', `no ${what}${named} ${where}`, { hint })
}
