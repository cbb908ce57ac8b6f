import { loadModule, parseSync, SqlError } from 'libpg-query'

/**
 * What a statement does to transactions. Everything that is not here is `other`: it cannot commit,
 * because PostgreSQL itself refuses that inside a transaction block.
 */
export type Statement =
  | { readonly kind: 'begin' }
  | { readonly kind: 'commit' | 'rollback'; readonly chain: boolean }
  | {
      readonly kind: 'savepoint' | 'rollback_to' | 'release'
      readonly name: string
      readonly sql: string
    }
  | { readonly kind: 'prepared' }
  | { readonly kind: 'other'; readonly sql: string }

/** PostgreSQL's own grammar says where statements end: quotes, comments and dollar signs are its business. */
export async function loadGrammar(): Promise<void> {
  await loadModule()
}

/** The statements of one text. Throws what is wrong with it: what cannot be read is not run. */
export function statementsOf(text: string): Statement[] {
  // The grammar has no word for nothing.
  if (text === '') return []
  const bytes = Buffer.from(text)
  return (parseSync(text).stmts ?? []).map(
    ({ stmt, stmt_location: from = 0, stmt_len: length }) => {
      const to = length === undefined || length === 0 ? bytes.length : from + length
      return statementOf(stmt ?? {}, bytes.toString('utf8', from, to).trim())
    },
  )
}

export function isSyntaxError(error: unknown): error is Error {
  return error instanceof SqlError
}

interface Transaction {
  readonly kind?: string
  readonly savepoint_name?: string
  readonly chain?: boolean
}

function statementOf(node: object, sql: string): Statement {
  if (!('TransactionStmt' in node)) return { kind: 'other', sql }
  const { kind, savepoint_name: name = '', chain = false } = node.TransactionStmt as Transaction
  switch (kind) {
    case 'TRANS_STMT_BEGIN':
    case 'TRANS_STMT_START':
      return { kind: 'begin' }
    case 'TRANS_STMT_COMMIT':
      return { kind: 'commit', chain }
    case 'TRANS_STMT_ROLLBACK':
      return { kind: 'rollback', chain }
    case 'TRANS_STMT_SAVEPOINT':
      return { kind: 'savepoint', name, sql }
    case 'TRANS_STMT_ROLLBACK_TO':
      return { kind: 'rollback_to', name, sql }
    case 'TRANS_STMT_RELEASE':
      return { kind: 'release', name, sql }
    default:
      return { kind: 'prepared' }
  }
}
