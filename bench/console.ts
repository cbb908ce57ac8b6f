import type { AddressInfo } from 'node:net'
import { createAdaptorServer } from '@hono/node-server'
import { Hono } from 'hono'
import { createSigner } from '../src/ledger/note.ts'
import { signingKeys } from '../src/ledger/open.ts'
import { parsePrivateKey } from '../src/secret/private-key.ts'
import { Browser } from '../test/console/browser.ts'
import { type ConsoleWorld, consoleWorld } from '../test/console/world.ts'
import { startTestPostgres } from '../test/support/postgres.ts'
import { fillLog } from './console-log.ts'
import { against, measure, type Row } from './row.ts'

const GRANTS = 100_000
const COUNT = 100

/** First bytes of pages over 100,000 grants and a million entries, beside a page without a broker. */
export async function bench(): Promise<readonly Row[]> {
  const { postgres, close } = await startTestPostgres({
    fsync: 'off',
    synchronous_commit: 'off',
    full_page_writes: 'off',
  })
  let here: ConsoleWorld | undefined
  try {
    here = await consoleWorld(postgres, { sweepEveryMs: 3_600_000 })
    const keys = await signingKeys(here.config, async () => {
      throw new Error('no keys are configured')
    })
    const signer = createSigner(here.config.origin, parsePrivateKey(keys.log, 'the key'))
    const log = await fillLog(postgres.pool(here.ledgerDatabase), signer, GRANTS)
    const browser = new Browser(here.url)
    await browser.signIn('operator')
    const cookie = `credctl-session=${browser.cookies.get('credctl-session')}`
    const page = await (await fetch(`${here.url}/console`, { headers: { cookie } })).text()
    const bare = await barePage(page)
    const rows: Row[] = [bare]
    const rest = log.someTime.toISOString().slice(0, 19)
    const pages = {
      'now: 25 live grants of 200': '/console',
      'grants, newest 50': '/console/grants',
      'grants, 50 from the middle': `/console/grants?before=${log.someGrant}`,
      'grants of a rare scope': '/console/grants?scope=rare',
      'one grant with its ten entries': `/console/grants/${log.someGrant}`,
      'log, newest 50': '/console/log',
      'log, 50 from the middle': `/console/log?before=${Math.floor(log.size / 2)}`,
      'log of one grant': `/console/log?grant=${log.someGrant}`,
      'log from one moment on': `/console/log?until=${rest}`,
      'log of one kind': '/console/log?kind=grant.ended',
      'log of one scope': '/console/log?scope=backfill-order-totals',
      'log of a rare scope, patience used up': '/console/log?scope=rare',
      'log of a caller that is not there, the same': '/console/log?subject=nobody',
      'one entry, proved': `/console/log/${Math.floor(log.size / 2)}`,
      'scopes, drawn': '/console/scopes',
      health: '/console/health',
      'size of the log, asked every second': '/console/head',
    }
    for (const [name, path] of Object.entries(pages)) {
      const row = await measure(`console ${name}`, { count: COUNT }, async () => {
        const answer = await fetch(`${here?.url}${path}`, {
          headers: { cookie },
          redirect: 'error',
        })
        if (answer.status !== 200) throw new Error(`${path}: ${answer.status}`)
        await answer.body?.cancel()
      })
      rows.push(against(row, bare))
    }
    return rows
  } finally {
    await here?.close()
    await close()
  }
}

/** A page of the same size, from memory: what HTTP alone costs. */
async function barePage(page: string): Promise<Row> {
  const app = new Hono().get('/', (context) => context.html(page))
  const server = createAdaptorServer({ fetch: app.fetch })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
  const row = await measure('bare Hono page of the same size', { count: COUNT }, async () => {
    await (await fetch(url)).body?.cancel()
  })
  server.close()
  return row
}
