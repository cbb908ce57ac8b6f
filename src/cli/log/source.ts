import { readFile } from 'node:fs/promises'
import { CredctlError } from '../../errors.ts'
import {
  directoryLog,
  httpLog,
  type LogReader,
  parseVkey,
  type Verifier,
} from '../../ledger/verify.ts'
import { brokerUrl, isSafe } from '../broker/address.ts'
import type { Cli } from '../cli.ts'
import type { BrokerFlag } from '../flags.ts'

/** A log to read: a URL, a directory of tiles, or else the broker's own. */
export function openSource(
  cli: Cli,
  flags: Pick<BrokerFlag, 'broker'>,
  source: string | undefined,
): LogReader {
  if (source === undefined) return httpLog(`${brokerUrl(cli, flags)}/log`)
  if (!/^[a-z]+:\/\//i.test(source)) return directoryLog(source)
  if (URL.canParse(source) && isSafe(new URL(source))) return httpLog(source)
  throw new CredctlError('usage', 'this address of a log is not accepted', {
    hint: 'Use https://host/log, http:// on a loopback address, or a directory.',
  })
}

export type KeysFlag = { readonly key: readonly string[] }

/** The log's public keys: each one as text, or the name of a file with one on each line. */
export async function readKeys({ key }: KeysFlag): Promise<readonly Verifier[]> {
  const texts = await Promise.all(key.map(keyTexts))
  return texts.flat().map(parseVkey)
}

async function keyTexts(text: string): Promise<string[]> {
  if (text.includes('+')) return [text]
  const content = await readFile(text, 'utf8').catch((cause: unknown) => {
    throw new CredctlError('usage', `${text} is neither a key of a log nor a readable file`, {
      hint: 'credctl log key prints the key of a broker, as ORIGIN+ID+KEY.',
      cause,
    })
  })
  return content.split('\n').filter((line) => line.trim() !== '')
}
