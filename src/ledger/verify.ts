/*
 * Everything that verifying a log needs, without a server: published as `credctl/verify`.
 */
export type { Checkpoint, SignedCheckpoint, TreeHead } from './checkpoint.ts'
export { openCheckpoint } from './checkpoint.ts'
export type { Cosignature } from './cosignature.ts'
export { directoryLog, exportLog } from './directory.ts'
export { httpLog } from './http.ts'
export { verifyConsistency, verifyInclusion } from './merkle.ts'
export type { Verifier } from './note.ts'
export { parseVkey } from './note.ts'
export type { LogReader } from './reader.ts'
export type { Receipt } from './receipt.ts'
export { parseReceipt, verifyReceipt } from './receipt.ts'
export type { Finding, FindingCode } from './verify/finding.ts'
export type { Verification, VerifyOptions } from './verify/verify.ts'
export { verifyLog } from './verify/verify.ts'
