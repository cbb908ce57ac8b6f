import { nearest } from '../../document/nearest.ts'
import { CredctlError } from '../../errors.ts'
import { type CatalogScope, requireCatalog } from '../../scope/catalog.ts'

/** The scope of that name; every problem of every file when the catalogue is not valid. */
export async function findScope(directory: string, name: string): Promise<CatalogScope> {
  const { scopes } = await requireCatalog(directory)
  const found = scopes.get(name)
  if (found !== undefined) return found
  throw notFound('scope', name, `in ${directory}`, scopes.keys())
}

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
