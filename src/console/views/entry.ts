import { html } from 'hono/html'
import type { FoundEntry } from '../../ledger/search.ts'
import type { ConsoleParts } from '../console.ts'
import type { View } from '../page.ts'
import { basePath } from '../place.ts'
import { grouped, type Html, moment, seen } from '../words.ts'

export interface EntryPage extends FoundEntry {
  readonly receipt: string
  /** Size of the tree whose signed checkpoint vouches for the entry; undefined when none does. */
  readonly provedBy: number | undefined
}

/** One entry as it was hashed, and whether it really is in the log. */
export function entryView(parts: ConsoleParts, page: EntryPage): View {
  const { index, entry, receipt, provedBy } = page
  const base = basePath(parts)
  return {
    title: `Entry ${index}`,
    body: html`<p class="rest"><a href="${base}/log">Log</a></p>
<h1>Entry ${grouped(index)}: ${entry.kind}</h1>
<p class="state">${
      provedBy === undefined
        ? html`<strong class="bad">This entry is not in the signed log. Run credctl log verify.</strong>`
        : html`<span class="ok">In the log</span>: its proof was computed anew and leads to the signed checkpoint of ${grouped(provedBy)} entries.`
    }</p>
<p class="rest">${moment(new Date(entry.time))}${'grant' in entry ? html` · grant <a class="id" href="${base}/grants/${entry.grant}">${entry.grant}</a>` : ''}</p>
<h2>What it says</h2>
<pre class="code" tabindex="0">${shown(entry)}</pre>
<details><summary>Receipt, for <code>credctl log receipt</code> and others</summary><pre class="code" tabindex="0">${receipt}</pre></details>`,
  }
}

/** JSON for people: the bytes that were hashed have no spaces, and their order is this one. */
function shown(entry: FoundEntry['entry']): Html {
  return seen(JSON.stringify(entry, undefined, 2))
}
