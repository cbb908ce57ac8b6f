import type { AnchorConfig } from '../config/anchors.ts'
import type { WitnessesConfig } from '../config/witnesses.ts'
import type { Config } from '../config.ts'
import { CredctlError, isCredctlError } from '../errors.ts'
import { parseVkey, type Verifier } from '../ledger/note.ts'
import { type Policy, PolicyBuilder } from '../ledger/policy.ts'
import type { Anchor } from './anchor.ts'
import { fileAnchor } from './anchor-file.ts'
import { gitAnchor } from './anchor-git.ts'
import { type S3Place, s3Anchor } from './anchor-s3.ts'
import type { ConfiguredAnchor } from './anchoring.ts'
import type { Environment } from './git.ts'
import type { Witness } from './witness.ts'

/** Throws `config_invalid` for a key that is none. */
export function witnessesOf({ known }: WitnessesConfig): readonly Witness[] {
  return Object.entries(known).map(([name, { url, key }]) => {
    return { name, url: url.replace(/\/+$/, ''), key: readKey(name, key) }
  })
}

function readKey(name: string, vkey: string): Verifier {
  try {
    return parseVkey(vkey)
  } catch (cause) {
    if (!isCredctlError(cause)) throw cause
    throw new CredctlError('config_invalid', `witnesses: the key of ${name} is not one`, {
      ...(cause.hint === undefined ? {} : { hint: cause.hint }),
      cause,
    })
  }
}

/** The section as a C2SP policy. Throws `config_invalid`. */
export function policyOf({ known, groups, quorum }: WitnessesConfig): Policy {
  const builder = new PolicyBuilder()
  const problems = [
    ...Object.entries(known).map(([name, { key }]) => builder.witness(name, key)),
    ...Object.entries(groups).map(([name, { of, need }]) => builder.group(name, String(need), of)),
    builder.quorum(quorum),
  ].filter((problem) => problem !== undefined)
  if (problems.length === 0) return builder.finish()
  throw new CredctlError('config_invalid', `witnesses: one of them ${problems.join('; ')}`)
}

/** What anchors need that no file says. */
export interface AnchorSurroundings {
  readonly now: () => Date
  readonly environment: Environment
  readonly s3?: S3Place
}

/** Opens nothing before its first use. */
export function anchorsOf(
  { origin, anchors = {} }: Pick<Config, 'origin' | 'anchors'>,
  surroundings: AnchorSurroundings,
): readonly ConfiguredAnchor[] {
  return Object.entries(anchors).map(([name, config]) => {
    const everyMs = config.every * 1000
    return { name, anchor: anchorOf(config, origin, surroundings), everyMs }
  })
}

function anchorOf(
  config: AnchorConfig,
  origin: string,
  { now, environment, s3: place }: AnchorSurroundings,
): Anchor {
  if ('file' in config) return fileAnchor(config.file.path)
  if ('git' in config) return gitAnchor(config.git, environment)
  return s3Anchor(config.s3, origin, { now, ...(place && { place }) })
}
