import { createHash } from 'node:crypto'
import type { Clock, Random } from '../clock.ts'
import type { Seal } from '../secret/seal.ts'
import type { Caller, Claims } from './caller.ts'

/** Where sessions are, for every replica. Keys are digests, contents are sealed. */
export interface SessionStore {
  open(key: Buffer, sealed: Buffer, until: Date): Promise<void>
  find(key: Buffer): Promise<Buffer | undefined>
  close(key: Buffer): Promise<void>
}

/** A person who signed in with a browser: what the verified token said, not the token. */
export interface Session {
  /** The issuer's name in `credctl.yaml`. */
  readonly issuer: string
  readonly subject: string
  readonly claims: Claims
  /** `sha256:…` of the identity token. */
  readonly token: Caller['token']
  /** What every form of this session carries (synchroniser token). */
  readonly form: string
  readonly until: Date
}

export interface SessionsParts {
  readonly store: SessionStore
  readonly seal: Seal
  readonly clock: Clock
  readonly random: Random
}

/**
 * Sessions of browsers. The id that a browser holds is random and means nothing elsewhere. In the
 * store it is a digest, so that a reader of the database cannot take a session over; what the
 * session says is sealed for that digest, so that a writer of the database cannot make one.
 */
export class Sessions {
  readonly #parts: SessionsParts

  constructor(parts: SessionsParts) {
    this.#parts = parts
  }

  /** A new session with a new id, whatever the browser came with. Error: `unavailable`. */
  async open(caller: Caller, seconds: number): Promise<{ id: string; session: Session }> {
    const { store, seal, clock, random } = this.#parts
    const id = random(32).toString('base64url')
    const { issuer, subject, claims, token } = caller
    const form = random(32).toString('base64url')
    const until = new Date(clock.now().getTime() + seconds * 1000)
    const session: Session = { issuer, subject, claims, token, form, until }
    const key = keyOf(id)
    await store.open(key, seal.seal(JSON.stringify(session), placeOf(key)), until)
    return { id, session }
  }

  /** The session of an id, while it lasts. Error: `unavailable`. */
  async find(id: string | undefined): Promise<Session | undefined> {
    if (id === undefined || !ID.test(id)) return undefined
    const { store, seal, clock } = this.#parts
    const key = keyOf(id)
    const sealed = await store.find(key)
    const text = sealed === undefined ? undefined : seal.open(sealed, placeOf(key))
    if (text === undefined) return undefined
    const said = JSON.parse(text) as Omit<Session, 'until'> & { readonly until: string }
    const session = { ...said, until: new Date(said.until) }
    return session.until > clock.now() ? session : undefined
  }

  /** Ends a session on every replica. Error: `unavailable`. */
  async close(id: string | undefined): Promise<void> {
    if (id !== undefined && ID.test(id)) await this.#parts.store.close(keyOf(id))
  }
}

/** 32 bytes as base64url. */
const ID = /^[\w-]{43}$/

function keyOf(id: string): Buffer {
  return createHash('sha256').update(id).digest()
}

function placeOf(key: Buffer): string {
  return `session ${key.toString('hex')}`
}
