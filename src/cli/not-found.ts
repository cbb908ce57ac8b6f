import { nearest } from '../document/nearest.ts'
import { CredctlError } from '../errors.ts'

/** A name that is not there, with the one that was meant or all there are. */
export function notFound(
  what: string,
  name: string,
  where: string,
  known: Iterable<string>,
): CredctlError {
  const names = [...known]
  const close = nearest(name, names)
  const hint =
    close !== undefined
      ? `Did you mean ${close}?`
      : names.length > 0
        ? `There are: ${names.join(', ')}.`
        : 'There are none.'
  return new CredctlError('not_found', `no ${what} ${JSON.stringify(name)} ${where}`, { hint })
}
