import { createHash } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { S3Place } from '../../src/publish/anchor-s3.ts'

interface Version {
  readonly key: string
  readonly id: string
  readonly body: Buffer
  readonly modified: Date
  readonly lockedUntil: Date | undefined
}

/**
 * One bucket of S3 with Object Lock on the wire: conditional puts, versions, listings in pages, and
 * the refusals of the API for what it needs and does not get. The caller closes it.
 */
export async function startS3({
  bucket = 'anchors',
  objectLock = true,
  now = () => new Date(),
  pageSize = 1000,
} = {}) {
  const versions: Version[] = []
  const hidden = new Set<string>()
  const state: { refuse: { code: string; status: number } | undefined } = { refuse: undefined }
  const current = (key: string) =>
    hidden.has(key) ? undefined : versions.findLast((each) => each.key === key)

  const put = (request: IncomingMessage, key: string, body: Buffer): [number, string] => {
    const header = (name: string) => request.headers[name] as string | undefined
    const until = header('x-amz-object-lock-retain-until-date')
    if (until !== undefined && !objectLock) return problem(400, 'InvalidRequest')
    // Object Lock needs a checksum of what is put.
    const sum = createHash('sha256').update(body).digest('base64')
    if (until !== undefined && header('x-amz-checksum-sha256') !== sum) {
      return problem(400, 'InvalidRequest')
    }
    if (until !== undefined && header('x-amz-object-lock-mode') !== 'COMPLIANCE') {
      return problem(400, 'InvalidRequest')
    }
    if (header('if-none-match') === '*' && current(key) !== undefined) {
      return problem(412, 'PreconditionFailed')
    }
    const lockedUntil = until === undefined ? undefined : new Date(until)
    versions.push({ key, id: `v${versions.length}`, body, modified: now(), lockedUntil })
    hidden.delete(key)
    return [200, '']
  }

  const list = (query: URLSearchParams): [number, string] => {
    const prefix = query.get('prefix') ?? ''
    const sorted = versions
      .filter(({ key }) => key.startsWith(prefix))
      .sort((a, b) => (a.key === b.key ? (a.id < b.id ? 1 : -1) : a.key < b.key ? -1 : 1))
    const marker = query.get('version-id-marker')
    const from = marker === null ? 0 : sorted.findIndex(({ id }) => id === marker) + 1
    const page = sorted.slice(from, from + pageSize)
    const last = page.at(-1)
    const more = from + page.length < sorted.length && last !== undefined
    const items = page.map(
      ({ key, id, modified }) =>
        `<Version><Key>${key}</Key><VersionId>${id}</VersionId><LastModified>${modified.toISOString()}</LastModified></Version>`,
    )
    const next = more
      ? `<NextKeyMarker>${last.key}</NextKeyMarker><NextVersionIdMarker>${last.id}</NextVersionIdMarker>`
      : ''
    return [
      200,
      `<ListVersionsResult><IsTruncated>${more}</IsTruncated>${next}${items.join('')}</ListVersionsResult>`,
    ]
  }

  const answer = (request: IncomingMessage, body: Buffer): [number, string | Buffer] => {
    if (state.refuse !== undefined) return problem(state.refuse.status, state.refuse.code)
    const url = new URL(request.url ?? '', 'http://s3')
    const [, name, ...rest] = url.pathname.split('/')
    if (name !== bucket) return problem(404, 'NoSuchBucket')
    const key = decodeURIComponent(rest.join('/'))
    if (request.method === 'PUT') return put(request, key, body)
    if (request.method === 'GET' && url.searchParams.has('versions')) return list(url.searchParams)
    const id = url.searchParams.get('versionId')
    const found = versions.find((each) => each.key === key && each.id === id)
    return found === undefined ? problem(404, 'NoSuchKey') : [200, found.body]
  }

  const server = createServer(async (request: IncomingMessage, response: ServerResponse) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    const [status, body] = answer(request, decoded(request, Buffer.concat(chunks)))
    response.writeHead(status, { 'content-type': 'application/xml' }).end(body)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const place: S3Place = {
    endpoint: `http://127.0.0.1:${port}`,
    credentials: { accessKeyId: 'AKIDTEST', secretAccessKey: 'x' },
  }
  return {
    place,
    versions,
    /** As DeleteObject without a version does: a marker, and the versions stay. */
    hide: (key: string) => hidden.add(key),
    refuse: (code: string | undefined, status = 403) => {
      state.refuse = code === undefined ? undefined : { code, status }
    },
    close: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** The SDK may send a body in signed chunks, with its checksum behind it. */
function decoded(request: IncomingMessage, body: Buffer): Buffer {
  if (!String(request.headers['content-encoding'] ?? '').includes('aws-chunked')) return body
  const size = Number.parseInt(body.toString('latin1'), 16)
  const start = body.indexOf('\r\n') + 2
  return body.subarray(start, start + size)
}

function problem(status: number, code: string): [number, string] {
  return [status, `<Error><Code>${code}</Code><Message>canary in a message</Message></Error>`]
}
