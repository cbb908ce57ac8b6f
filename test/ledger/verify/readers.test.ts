import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer, type RequestListener } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { cutBundle, directoryLog, exportLog } from '../../../src/ledger/directory.ts'
import { httpLog } from '../../../src/ledger/http.ts'
import { decodeBundle, encodeBundle } from '../../../src/ledger/tile.ts'
import { verifyLog } from '../../../src/ledger/verify/verify.ts'
import { catalogue } from '../entries.ts'
import { type FileLog, logKeys, writeLog } from '../file-log.ts'

const of = (size: number) => writeLog(Array.from({ length: size }, () => catalogue()))

async function directory(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'credctl-log-'))
  onTestFinished(() => rm(path, { recursive: true }))
  return path
}

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as { port: number }).port}`
}

const serveLog = (log: FileLog) =>
  serve((request, response) => {
    const bytes = log.files.get((request.url ?? '').replace('/log/', ''))
    response.writeHead(bytes === undefined ? 404 : 200).end(bytes)
  })

describe('a directory', () => {
  it('verifies after an export, and after another one that continues it', async () => {
    const path = await directory()
    expect(await exportLog(of(300), path)).toBe(300)
    expect(await verifyLog(directoryLog(path), { keys: logKeys })).toMatchObject({ verified: 300 })
    await exportLog(of(70_000), path)
    const { ok, verified } = await verifyLog(directoryLog(path), { keys: logKeys })
    expect({ ok, verified }).toEqual({ ok: true, verified: 70_000 })
  })

  it('without a checkpoint says so', async () => {
    const reader = directoryLog(await directory())
    await expect(verifyLog(reader, { keys: logKeys })).rejects.toMatchObject({ code: 'not_found' })
  })

  it('gets no checkpoint when a file of the log is missing', async () => {
    const log = of(300)
    log.files.delete('tile/0/001.p/44')
    const path = await directory()
    await expect(exportLog(log, path)).rejects.toMatchObject({ code: 'log_invalid' })
    await expect(readFile(join(path, 'checkpoint'))).rejects.toThrow()
  })

  it('may have dropped partial tiles that are full by now', async () => {
    const path = await directory()
    await exportLog(of(512), path)
    await writeFile(join(path, 'checkpoint'), of(300).files.get('checkpoint')!)
    const { findings } = await verifyLog(directoryLog(path), { keys: logKeys })
    // Only the tile above level 0 is not there in the older width.
    expect(findings.map(({ path }) => path)).toEqual(['tile/1/000.p/1'])
  })
})

it('a cut bundle has whole entries', () => {
  const bundle = encodeBundle(['one', '', 'three'].map((text) => Buffer.from(text)))
  for (const width of [1, 2, 3]) {
    expect(decodeBundle(cutBundle(bundle, width)!, { index: 0, width })).toHaveLength(width)
  }
  expect(cutBundle(bundle, 4)).toEqual(bundle)
})

describe('a URL', () => {
  it('verifies, with or without a slash at its end', async () => {
    const url = await serveLog(of(300))
    for (const base of [`${url}/log`, `${url}/log/`]) {
      expect(await verifyLog(httpLog(base), { keys: logKeys })).toMatchObject({ ok: true })
    }
  })

  it('that leads elsewhere is not followed', async () => {
    const url = await serve((_, response) => {
      response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end()
    })
    const verifying = verifyLog(httpLog(url), { keys: logKeys })
    await expect(verifying).rejects.toMatchObject({ code: 'unavailable' })
  })

  it('that never ends is given up at the size of the largest file', async () => {
    const url = await serve((_, response) => {
      const chunk = Buffer.alloc(1024 * 1024)
      const more = () => {
        while (response.write(chunk));
      }
      response.on('drain', more)
      more()
    })
    const verifying = verifyLog(httpLog(url), { keys: logKeys })
    await expect(verifying).rejects.toMatchObject({ code: 'unavailable' })
  })

  it('that fails is an error, not a finding', async () => {
    const url = await serve((_, response) => {
      response.writeHead(500).end()
    })
    const verifying = verifyLog(httpLog(url), { keys: logKeys })
    await expect(verifying).rejects.toMatchObject({ code: 'unavailable' })
  })
})
