import { requireEverything } from '../../access.ts'
import { CredctlError } from '../../errors.ts'
import { parseCheckpoint } from '../../ledger/checkpoint.ts'
import { parseNote } from '../../ledger/note.ts'
import { verifyReceipt } from '../../ledger/receipt.ts'
import type { ConsoleContext, ConsoleParts } from '../console.ts'
import { filterOf, readLogQuery } from '../log-query.ts'
import { logState } from '../log-state.ts'
import { answerPage } from '../page.ts'
import { entryView } from '../views/entry.ts'
import { logView } from '../views/log.ts'

const PAGE = 50
/** A page comes within this, however rare what is looked for. */
const PATIENCE_MS = 15

/** `GET /console/log`: entries by filters, newest first, and the state of the log. */
export function logPage(parts: ConsoleParts) {
  return async (context: ConsoleContext) => {
    requireEverything('readLog', context.get('person').principal)
    const query = readLogQuery(context)
    const page = { limit: PAGE, patienceMs: PATIENCE_MS }
    const [state, found] = await Promise.all([
      logState(parts),
      parts.search.search(
        filterOf(query),
        query.before === undefined ? page : { ...page, before: query.before },
      ),
    ])
    return answerPage(parts, context, logView(parts, { state, query, found }))
  }
}

/** `GET /console/log/{index}`: one entry, with its proof computed and verified now. */
export function entryPage(parts: ConsoleParts) {
  return async (context: ConsoleContext) => {
    requireEverything('readLog', context.get('person').principal)
    const index = Number(/^\d{1,15}$/.exec(context.req.param('index') ?? '')?.[0])
    const found = await parts.search.entry(index)
    if (found === undefined) throw new CredctlError('not_found', 'the log has no such entry')
    const receipt = (await parts.published.receipt(index)) ?? ''
    const provedBy = provingSize(parts, receipt, found.bytes)
    return answerPage(parts, context, entryView(parts, { ...found, receipt, provedBy }))
  }
}

function provingSize(
  { logKeys }: ConsoleParts,
  receipt: string,
  bytes: Uint8Array,
): number | undefined {
  try {
    return verifyReceipt(receipt, bytes, logKeys).checkpoint.size
  } catch {
    return undefined
  }
}

/** `GET /console/head`: the size of the log, which changes exactly when anything does. */
export function headEndpoint({ log }: ConsoleParts) {
  return async (context: ConsoleContext) => {
    const { text } = parseNote(await log.checkpoint())
    return context.json({ size: parseCheckpoint(text).size }, 200)
  }
}
