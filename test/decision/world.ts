import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'
import { digestOf } from '../../src/canonical.ts'
import { parseSource } from '../../src/document/document.ts'
import {
  type Environment,
  environmentSchema,
  toEnvironment,
} from '../../src/environment/environment.ts'
import type { Caller } from '../../src/identity/caller.ts'
import type { CatalogScope } from '../../src/scope/catalog.ts'
import { scopeSchema } from '../../src/scope/scope.ts'

type Raw = Record<string, Record<string, unknown>>

const world: { environments: Raw; scopes: Raw; callers: Raw } = parse(
  readFileSync(join(import.meta.dirname, 'world.yaml'), 'utf8'),
)

export const environments: ReadonlyMap<string, Environment> = new Map(
  Object.entries(world.environments).map(([name, raw]) => [
    name,
    toEnvironment(name, environmentSchema.parse(raw)),
  ]),
)

/** A scope of the world, with some of its fields replaced, parsed like a file. */
export function scopeNamed(
  name: string,
  changes: Record<string, unknown>,
): CatalogScope | undefined {
  const raw = Object.hasOwn(world.scopes, name) ? world.scopes[name] : undefined
  if (raw === undefined) return undefined
  const text = JSON.stringify({ name, ...raw, ...changes })
  const parsed = parseSource(`${name}.yaml`, text, scopeSchema)
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.diagnostics))
  return { scope: parsed.value, digest: digestOf(text), document: parsed.document }
}

export function callerNamed(name: string, changes: Partial<Caller>): Caller {
  const raw = world.callers[name]
  if (raw === undefined) throw new Error(`no caller ${name}`)
  const base = {
    subject: `${name}-1`,
    roles: [],
    token: `sha256:${'0'.repeat(64)}`,
    ...raw,
    ...changes,
  }
  return base as Caller
}
