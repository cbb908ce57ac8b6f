import type { KeyObject } from 'node:crypto'
import type { ExportFormat } from '../../config/exports.ts'
import { CredctlError } from '../../errors.ts'
import { cloudevents } from './cloudevents.ts'
import { dsse } from './dsse.ts'
import type { Format } from './export.ts'
import { jsonl } from './jsonl.ts'
import { ocsf } from './ocsf.ts'

/** Error: `config_invalid` for envelopes without a key to sign them. */
export function formatNamed(name: ExportFormat, key: KeyObject | undefined): Format {
  if (name !== 'dsse') return { jsonl, cloudevents, ocsf }[name]
  if (key !== undefined) return dsse(key)
  throw new CredctlError('config_invalid', 'dsse is signed, and there is no key for it')
}
