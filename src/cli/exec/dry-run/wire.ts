import type { Duplex } from 'node:stream'

/** A message of the PostgreSQL protocol 3.0: a type byte, a length, a body. */
export interface Message {
  /** One ASCII character. */
  readonly type: string
  readonly body: Buffer
}

/** A row of text is rarely a megabyte; nothing a server accepts is larger than this. */
const MAX_BYTES = 1024 * 1024 * 1024

/** Bytes of a stream, a message at a time. Errors: the stream's own, or one for a broken message. */
export class MessageStream {
  readonly #stream: Duplex
  readonly #chunks: AsyncIterator<Buffer>
  #buffer: Buffer = Buffer.alloc(0)

  constructor(stream: Duplex) {
    this.#stream = stream
    this.#chunks = stream[Symbol.asyncIterator]()
  }

  /** The next message; undefined when the stream has ended between two. */
  async next(limit = MAX_BYTES): Promise<Message | undefined> {
    const head = await this.#take(5)
    if (head === undefined) return undefined
    const body = await this.#body(head.readInt32BE(1), limit)
    return { type: head.toString('latin1', 0, 1), body }
  }

  /** The first message of a client, which has no type. */
  async nextUntyped(limit: number): Promise<Buffer | undefined> {
    const head = await this.#take(4)
    return head === undefined ? undefined : await this.#body(head.readInt32BE(0), limit)
  }

  /** Resolves when the other side can take more. */
  async write(...parts: readonly Buffer[]): Promise<void> {
    if (this.#stream.write(Buffer.concat(parts))) return
    const { promise, resolve } = Promise.withResolvers<void>()
    const done = () => {
      for (const event of ['drain', 'close', 'error']) this.#stream.off(event, done)
      resolve()
    }
    for (const event of ['drain', 'close', 'error']) this.#stream.on(event, done)
    await promise
  }

  async #body(length: number, limit: number): Promise<Buffer> {
    if (length < 4 || length > limit) throw new Error('not a message of the protocol')
    const body = await this.#take(length - 4)
    if (body === undefined) throw new Error('the connection ended within a message')
    return body
  }

  async #take(length: number): Promise<Buffer | undefined> {
    const parts = [this.#buffer]
    let have = this.#buffer.length
    while (have < length) {
      const { done, value } = await this.#chunks.next()
      if (done === true) {
        if (have === 0 || length === 0) return undefined
        throw new Error('the connection ended within a message')
      }
      parts.push(value)
      have += value.length
    }
    const all = parts.length === 1 ? this.#buffer : Buffer.concat(parts)
    this.#buffer = all.subarray(length)
    return all.subarray(0, length)
  }
}

export function encode({ type, body }: Message): Buffer {
  const head = Buffer.alloc(5)
  head.write(type, 0, 'latin1')
  head.writeInt32BE(body.length + 4, 1)
  return Buffer.concat([head, body])
}

/** Texts as the protocol writes them: each ends with a zero byte. */
export function strings(...texts: readonly string[]): Buffer {
  return Buffer.from(texts.map((text) => `${text}\0`).join(''))
}

/** The text that starts at an offset, and where the next field starts. */
export function readString(
  body: Buffer,
  from = 0,
): { readonly text: string; readonly next: number } {
  const end = body.indexOf(0, from)
  if (end < 0) throw new Error('not a message of the protocol')
  return { text: body.toString('utf8', from, end), next: end + 1 }
}

export function int32(...numbers: readonly number[]): Buffer {
  const buffer = Buffer.alloc(numbers.length * 4)
  for (const [index, number] of numbers.entries()) buffer.writeInt32BE(number, index * 4)
  return buffer
}

/** Parse, Bind, Describe and Execute of one statement, whose rows come as text. */
export function single(sql: string): Buffer[] {
  const none = (count: number) => Buffer.alloc(count * 2)
  return [
    { type: 'P', body: Buffer.concat([strings('', sql), none(1)]) },
    { type: 'B', body: Buffer.concat([strings('', ''), none(3)]) },
    { type: 'D', body: strings('P') },
    { type: 'E', body: Buffer.concat([strings(''), int32(0)]) },
  ].map(encode)
}

export function complete(tag: string): Buffer {
  return encode({ type: 'C', body: strings(tag) })
}

/** ErrorResponse, or NoticeResponse with severity WARNING. */
export function problem(code: string, message: string, severity = 'ERROR'): Buffer {
  const fields = [`S${severity}`, `V${severity}`, `C${code}`, `M${message}`]
  const type = severity === 'WARNING' ? 'N' : 'E'
  return encode({ type, body: Buffer.concat([strings(...fields), Buffer.from([0])]) })
}
