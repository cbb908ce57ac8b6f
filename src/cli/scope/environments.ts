import { access } from 'node:fs/promises'
import { type Config, loadConfig } from '../../config.ts'
import type { Diagnostic } from '../../document/diagnostic.ts'
import type { Cli } from '../cli.ts'
import { DEFAULT_CONFIG } from '../flags.ts'
import { note } from '../terminal.ts'

/** Stands beside the examples, so that a fresh clone can plan them. */
const EXAMPLE_CONFIG = 'credctl.example.yaml'

export interface Environments {
  /** The file that was read; undefined when there is none. */
  readonly file: string | undefined
  readonly config: Config | undefined
  readonly diagnostics: readonly Diagnostic[]
}

/**
 * The configuration to look scopes up in, offline. Only when nobody named one and the usual file
 * does not exist, the documented example takes its place, and the reader is told.
 */
export async function readEnvironments(cli: Cli, config: string): Promise<Environments> {
  const file = await usedFile(config)
  if (file === undefined) return { file, config: undefined, diagnostics: [] }
  if (file !== config) note(cli, `there is no ${config}: the environments are ${file}'s`)
  const loaded = await loadConfig(file)
  return loaded.ok
    ? { file, config: loaded.config, diagnostics: [] }
    : { file, config: undefined, diagnostics: loaded.diagnostics }
}

async function usedFile(config: string): Promise<string | undefined> {
  if (config !== DEFAULT_CONFIG || (await exists(config))) return config
  return (await exists(EXAMPLE_CONFIG)) ? EXAMPLE_CONFIG : undefined
}

async function exists(file: string): Promise<boolean> {
  return await access(file).then(
    () => true,
    (error: NodeJS.ErrnoException) => error.code !== 'ENOENT',
  )
}
