import { Document, isCollection, isScalar, visit } from 'yaml'
import type { Gives } from './gives.ts'

/** Kinds of access that a scope declares, as they are called in its file. */
export type AccessKind = 'postgres' | 'mysql' | 'aws'

/** Everything that a first version of a scope says. */
export interface Draft {
  readonly name: string
  readonly owner: string
  readonly description: string
  readonly caller: string
  readonly issuer: string
  readonly claims: Readonly<Record<string, string>>
  readonly environments: readonly string[]
  readonly ttl: string
  readonly target: string
  readonly kind: AccessKind
  readonly gives: Gives
  /** Tables, or ARNs. */
  readonly on: readonly string[]
}

const VERBS: Readonly<Record<Gives, readonly string[]>> = {
  read: ['select'],
  change: ['select', 'insert', 'update'],
}
const PRESETS: Readonly<Record<Gives, string>> = { read: 'read', change: 'dml' }

/**
 * The scope as a file. Values are written by a YAML library, so that text of any kind stays one
 * value; deletes are in no template, they are added by hand and seen in review.
 */
export function scopeText(draft: Draft): string {
  const { name, owner, description, caller, issuer, claims, environments, ttl } = draft
  const document = new Document({
    name,
    owner,
    description,
    allow: [{ caller, issuer, claims }],
    environments,
    ttl,
    access: { [draft.target]: { [draft.kind]: access(draft) } },
    limits: { live_grants: 2 },
  })
  visit(document, {
    Pair(_key, { key, value }) {
      if (FLOW.has(String(key)) && isCollection(value)) value.flow = true
    },
    Seq(_key, node) {
      if (node.items.every((item) => isScalar(item) && VERBS.change.includes(String(item.value)))) {
        node.flow = true
      }
    },
  })
  document.commentBefore = ' yaml-language-server: $schema=./schema.json'
  return document.toString({ lineWidth: 0, flowCollectionPadding: true })
}

const FLOW = new Set(['claims', 'environments', 'limits'])

function access({ kind, gives, on }: Draft): unknown {
  if (kind === 'aws') return [{ do: PRESETS[gives], on }]
  return { tables: Object.fromEntries(on.map((table) => [table, [...VERBS[gives]]])) }
}
