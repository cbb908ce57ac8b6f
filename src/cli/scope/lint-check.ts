import { loadConfig } from '../../config.ts'
import type { Diagnostic } from '../../document/diagnostic.ts'
import { readScopes } from '../../scope/catalog.ts'
import { problemsInEnvironments } from './lint-environments.ts'

/** Scope files to look at together, and the configuration to plan them for. Plain data. */
export interface LintWork {
  readonly files: readonly string[]
  /** Whose environments; left out when there is none, or none that is valid. */
  readonly config: string | undefined
}

/** What is wrong with these files, alone, beside each other and in their environments. */
export async function problemsIn({ files, config }: LintWork): Promise<Diagnostic[]> {
  const { scopes, diagnostics } = await readScopes(files)
  const known = config === undefined ? undefined : await loadConfig(config)
  return [
    ...diagnostics,
    ...(known?.ok === true ? problemsInEnvironments(scopes, known.config) : []),
  ]
}
