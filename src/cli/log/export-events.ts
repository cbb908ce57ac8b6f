import { open, readFile } from 'node:fs/promises'
import type { ExportFormat } from '../../config/exports.ts'
import { CredctlError } from '../../errors.ts'
import type { LogReader } from '../../ledger/reader.ts'
import { byLine, type Cursor, type Format, type Send } from '../../publish/export/export.ts'
import { fileCursor } from '../../publish/export/file-cursor.ts'
import { formatNamed } from '../../publish/export/formats.ts'
import { pump } from '../../publish/export/pump.ts'
import { headOf } from '../../publish/export/read.ts'
import { parsePrivateKey } from '../../secret/private-key.ts'
import { Secret } from '../../secret/secret.ts'
import type { Cli } from '../cli.ts'

export type EventFlags = {
  readonly to?: string
  readonly cursor?: string
  readonly signingKey?: string
}

/** Writes entries, one JSON text a line. Gives how many, and the index of the next one. */
export async function exportEvents(
  cli: Cli,
  name: ExportFormat,
  flags: EventFlags,
  reader: LogReader,
): Promise<{ entries: number; next: number }> {
  const format: Format = { ...(await formatOf(name, flags)), body: byLine }
  const { origin } = await headOf(reader)
  const cursor = flags.cursor === undefined ? fromTheStart() : fileCursor(flags.cursor, origin)
  const { send, close } = await outputOf(cli, flags)
  try {
    for (let entries = 0; ; ) {
      const { sent, next, size } = (await pump(reader, { format, cursor, send })) ?? NOTHING
      entries += sent
      if (next >= size) return { entries, next }
    }
  } finally {
    await close()
  }
}

const NOTHING = { sent: 0, next: 0, size: 0 }

async function formatOf(name: ExportFormat, flags: EventFlags): Promise<Format> {
  const file = flags.signingKey
  if ((name === 'dsse') !== (file !== undefined)) {
    throw new CredctlError('usage', 'envelopes are signed, and nothing else is', {
      hint: 'Use --format dsse and --signing-key together.',
    })
  }
  if (file === undefined) return formatNamed(name, undefined)
  const pem = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw new CredctlError('usage', `${file} cannot be read`, { cause })
  })
  return formatNamed(name, parsePrivateKey(new Secret(pem), file))
}

function fromTheStart(): Cursor {
  let at = 0
  return {
    load: async () => at,
    save: async (next) => {
      at = next
    },
  }
}

/** Only what is on disk, or was taken by whoever reads the output, moves the cursor. */
async function outputOf(cli: Cli, { to }: EventFlags) {
  if (to === undefined) {
    const send: Send = ({ body }) => written(cli.process.stdout, body)
    return { send, close: async () => undefined }
  }
  const handle = await open(to, 'a+', 0o600)
  const send: Send = async ({ body }) => {
    await handle.appendFile((await endsWithin(handle)) ? `\n${body}` : body)
    await handle.sync()
  }
  return { send, close: () => handle.close() }
}

/** A run that was killed while it wrote leaves half a line: what comes next begins a new one. */
async function endsWithin(handle: Awaited<ReturnType<typeof open>>): Promise<boolean> {
  const { size } = await handle.stat()
  if (size === 0) return false
  const { buffer } = await handle.read(Buffer.alloc(1), 0, 1, size - 1)
  return buffer.toString() !== '\n'
}

function written(stream: NodeJS.WriteStream, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    stream.write(text, (error) => (error ? reject(error) : resolve()))
  })
}
