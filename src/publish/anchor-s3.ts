import { hash } from 'node:crypto'
import type { ObjectVersion, S3Client, S3ClientConfig } from '@aws-sdk/client-s3'
import type { S3AnchorConfig } from '../config/anchors.ts'
import { CredctlError } from '../errors.ts'
import type { Anchor, Anchored, Kept } from './anchor.ts'

/** Where S3 is and as whom, in tests; the default chain and regional endpoint otherwise. */
export type S3Place = Pick<S3ClientConfig, 'credentials' | 'endpoint'>

const DEADLINE_MS = 20_000
const DAY_MS = 86_400_000
/** A listing of a million checkpoints. */
const MAX_PAGES = 1_000
const AT_ONCE = 8
const MAX_NOTE_BYTES = 1_000_000

/**
 * One object a checkpoint in a bucket with Object Lock. `COMPLIANCE`: until its time nobody removes
 * or replaces a version, the account's root included. Reading looks at versions, so that a delete
 * marker hides nothing. The SDK is loaded with the first use.
 */
export function s3Anchor(
  config: S3AnchorConfig,
  origin: string,
  { now, place = {} }: { readonly now: () => Date; readonly place?: S3Place },
): Anchor & { close(): void } {
  const { bucket, retain_days: days } = config
  const prefix = `${config.prefix}${hash('sha256', origin, 'hex').slice(0, 16)}/`
  let opened: Promise<S3Client> | undefined
  const client = () => {
    opened ??= open(config, place)
    return opened
  }
  return {
    async put(checkpoint) {
      const object = {
        Bucket: bucket,
        Key: `${prefix}${nameOf(checkpoint)}`,
        Body: checkpoint.note,
        ContentType: 'text/plain; charset=utf-8',
        ChecksumAlgorithm: 'SHA256',
        IfNoneMatch: '*',
        ObjectLockMode: 'COMPLIANCE',
        ObjectLockRetainUntilDate: new Date(now().getTime() + days * DAY_MS),
      } as const
      try {
        const { PutObjectCommand } = await import('@aws-sdk/client-s3')
        await (await client()).send(new PutObjectCommand(object), deadline())
      } catch (error) {
        // Another replica was faster, or an earlier try arrived after all.
        if (nameOfError(error) !== 'PreconditionFailed') throw explained(error, bucket)
      }
    },
    async read(limit) {
      try {
        const versions = await newest(await client(), bucket, prefix, limit)
        return { kept: await fetchAll(await client(), bucket, versions), unreadable: 0 }
      } catch (error) {
        throw explained(error, bucket)
      }
    },
    close: () => void opened?.then((each) => each.destroy()).catch(() => undefined),
  }
}

/** In the order of their sizes; two trees of one size have two names. */
function nameOf({ size, root }: Anchored): string {
  return `${String(size).padStart(16, '0')}-${root.toString('hex')}`
}

async function open({ region, endpoint }: S3AnchorConfig, place: S3Place): Promise<S3Client> {
  const { S3Client } = await import('@aws-sdk/client-s3')
  return new S3Client({
    region,
    // AWS_ENDPOINT_URL and profiles could point the broker's credentials elsewhere.
    ignoreConfiguredEndpointUrls: true,
    // A bucket of another region is a wrong configuration, not a reason to follow.
    followRegionRedirects: false,
    maxAttempts: 3,
    ...(endpoint === undefined ? {} : { endpoint, forcePathStyle: true }),
    ...(place.endpoint === undefined ? {} : { forcePathStyle: true }),
    ...place,
  })
}

function deadline() {
  return { abortSignal: AbortSignal.timeout(DEADLINE_MS) }
}

type Version = Required<Pick<ObjectVersion, 'Key' | 'VersionId'>> &
  Pick<ObjectVersion, 'LastModified'>

async function newest(
  client: S3Client,
  bucket: string,
  prefix: string,
  limit: number,
): Promise<readonly Version[]> {
  const { ListObjectVersionsCommand } = await import('@aws-sdk/client-s3')
  const found: Version[] = []
  let marker: { KeyMarker?: string; VersionIdMarker?: string } = {}
  for (let page = 1; ; page += 1) {
    const command = new ListObjectVersionsCommand({ Bucket: bucket, Prefix: prefix, ...marker })
    const { Versions = [], IsTruncated, ...next } = await client.send(command, deadline())
    for (const { Key, VersionId, LastModified } of Versions) {
      if (Key === undefined || VersionId === undefined) continue
      found.push({ Key, VersionId, ...(LastModified && { LastModified }) })
    }
    found.splice(0, Math.max(0, found.length - limit))
    if (IsTruncated !== true || next.NextKeyMarker === undefined) break
    if (page === MAX_PAGES) throw new RangeError('too many objects')
    const { NextKeyMarker: KeyMarker, NextVersionIdMarker: VersionIdMarker } = next
    marker = { KeyMarker, ...(VersionIdMarker !== undefined && { VersionIdMarker }) }
  }
  return found
}

async function fetchAll(
  client: S3Client,
  bucket: string,
  versions: readonly Version[],
): Promise<Kept[]> {
  const kept: Kept[] = []
  for (let at = 0; at < versions.length; at += AT_ONCE) {
    const some = versions.slice(at, at + AT_ONCE)
    kept.push(...(await Promise.all(some.map((version) => fetchOne(client, bucket, version)))))
  }
  return kept
}

async function fetchOne(client: S3Client, bucket: string, version: Version): Promise<Kept> {
  const { GetObjectCommand } = await import('@aws-sdk/client-s3')
  const { Key, VersionId, LastModified } = version
  const command = new GetObjectCommand({ Bucket: bucket, Key, VersionId })
  const { Body, ContentLength = 0 } = await client.send(command, deadline())
  if (ContentLength > MAX_NOTE_BYTES) throw new RangeError('larger than any checkpoint')
  const note = (await Body?.transformToString('utf-8')) ?? ''
  return { note, ...(LastModified && { time: LastModified }) }
}

const REASONS: Readonly<Record<string, string>> = {
  NoSuchBucket: 'there is no such bucket',
  AccessDenied:
    'the broker may not: s3:PutObject, s3:PutObjectRetention, s3:ListBucketVersions or s3:GetObjectVersion is missing',
  InvalidRequest: 'the bucket has no Object Lock',
  PermanentRedirect: 'the bucket is in another region',
  AuthorizationHeaderMalformed: 'the bucket is in another region',
  ConditionalRequestConflict: 'somebody else wrote at the same moment',
  CredentialsProviderError: 'the broker has no AWS credentials',
  ExpiredToken: 'the AWS credentials of the broker have expired',
  TimeoutError: 'S3 does not answer in time',
  AbortError: 'S3 does not answer in time',
  ERR_MODULE_NOT_FOUND: 'the package @aws-sdk/client-s3 is not installed',
}

/** The SDK's own messages hold ARNs, request ids and sometimes more: they are not passed on. */
function explained(error: unknown, bucket: string): CredctlError {
  if (error instanceof CredctlError) return error
  const why = REASONS[nameOfError(error)] ?? 'S3 failed'
  return new CredctlError('unavailable', `bucket ${bucket}: ${why}`, { cause: error })
}

function nameOfError(error: unknown): string {
  if (!(error instanceof Error)) return ''
  return 'code' in error && error.code === 'ERR_MODULE_NOT_FOUND' ? error.code : error.name
}
