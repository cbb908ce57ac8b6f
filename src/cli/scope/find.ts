import { type CatalogScope, requireCatalog } from '../../scope/catalog.ts'
import { notFound } from '../not-found.ts'

/** The scope of that name; every problem of every file when the catalogue is not valid. */
export async function findScope(directory: string, name: string): Promise<CatalogScope> {
  const { scopes } = await requireCatalog(directory)
  const found = scopes.get(name)
  if (found !== undefined) return found
  throw notFound('scope', name, `in ${directory}`, scopes.keys())
}
