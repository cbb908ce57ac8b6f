import { createHash } from 'node:crypto'
import { byLine, type Format, type LogEvent } from './export.ts'
import { type Activity, activityOf } from './ocsf-activity.ts'

const SCHEMA_VERSION = '1.8.0'
/** Identity & Access Management. */
const CATEGORY = 3
const SHA_256 = 3

/**
 * OCSF 1.8.0 (schema.ocsf.io): decisions as Authorize Session (3003), everything else as Entity
 * Management (3004). The entry itself goes along as `raw_data` with its hash, so that nothing is
 * lost in the mapping and every event can be proven with a receipt.
 */
export const ocsf: Format = {
  type: 'application/x-ndjson',
  line: (event) => JSON.stringify(ocsfEvent(event, activityOf(event.entry))),
  body: byLine,
}

function ocsfEvent(event: LogEvent, activity: Activity) {
  const { origin, index, bytes, entry } = event
  const { classUid, className, id, name, status, severity, ...attributes } = activity
  return {
    metadata: {
      version: SCHEMA_VERSION,
      product: { name: 'credctl', vendor_name: 'credctl' },
      uid: `${origin}#${index}`,
      sequence: index,
      log_name: origin,
      event_code: entry.kind,
      correlation_uid: 'grant' in entry ? entry.grant : entry.request,
      original_time: entry.time,
    },
    time: Date.parse(entry.time),
    category_uid: CATEGORY,
    category_name: 'Identity & Access Management',
    class_uid: classUid,
    class_name: className,
    activity_id: id,
    activity_name: name,
    type_uid: classUid * 100 + id,
    type_name: `${className}: ${name}`,
    severity_id: severity,
    status_id: STATUS[status],
    status,
    ...attributes,
    raw_data: Buffer.from(bytes).toString('utf8'),
    raw_data_size: bytes.length,
    raw_data_hash: {
      algorithm_id: SHA_256,
      algorithm: 'SHA-256',
      value: createHash('sha256').update(bytes).digest('hex'),
    },
  }
}

const STATUS = { Success: 1, Failure: 2, Other: 99 } as const satisfies Record<
  Activity['status'],
  number
>
