import pg from 'pg'
import type { Edge, FullTile } from '../edge.ts'
import { approvalRowsOf, rowsOf, touchesApprovals, type Waiting } from './batch.ts'
import type { Queryable } from './migrate.ts'

/** A batch put on top of the tree: everything that becomes durable together. */
export interface Built {
  readonly batch: readonly Waiting[]
  readonly before: Edge
  readonly fence: string
  readonly after: Edge
  readonly checkpoint: string
  readonly tiles: readonly FullTile[]
}

export type Answer =
  | { readonly outcome: 'appended' }
  | { readonly outcome: 'conflict' }
  | {
      readonly outcome: 'refused'
      readonly of: 'entries' | 'approvals'
      readonly failed: readonly number[]
    }

const PARAMETERS = Array.from({ length: 21 }, (_, at) => `$${at + 1}`).join(', ')
const APPEND = `SELECT credctl_ledger.append(${PARAMETERS}) AS appended`
/** SQLSTATE of our own: guards do not hold; the detail lists their positions. */
const REFUSED = 'CL001'

const MOVE = 'SELECT credctl_ledger.move_approvals($1, $2, $3, $4)'

/** The state of approvals, in the transaction that the lock is held in; refused or nothing. */
export async function moveApprovals(client: Queryable, built: Built): Promise<Answer | undefined> {
  const { batch, before } = built
  if (!batch.some(touchesApprovals)) return undefined
  try {
    await client.query(MOVE, [before.size, ...approvalRowsOf(batch)])
    return undefined
  } catch (error) {
    return refusedBy(error, 'approvals')
  }
}

function refusedBy(error: unknown, of: 'entries' | 'approvals'): Answer {
  if (!(error instanceof pg.DatabaseError) || error.code !== REFUSED) throw error
  return { outcome: 'refused', of, failed: JSON.parse(error.detail ?? '') }
}

export async function appendRows(client: Queryable, built: Built): Promise<Answer> {
  const { batch, before, after, fence, checkpoint, tiles } = built
  const head = [before.size, before.root(), fence, after.root(), checkpoint]
  try {
    const { rows } = await client.query<{ appended: boolean }>({
      name: 'ledger-append',
      text: APPEND,
      values: [...head, ...rowsOf(batch, tiles)],
    })
    return { outcome: rows[0]?.appended === true ? 'appended' : 'conflict' }
  } catch (error) {
    return refusedBy(error, 'entries')
  }
}
