import { isCredctlError } from '../errors.ts'
import { parseNote, parseVkey, type Signer, type Verifier, verifyNote } from './note.ts'

/** A key of the log as the key before it announces it. */
export interface Announcement {
  /** The key that will sign the log, as a vkey. */
  readonly log: string
  /** By the present key of the log: standard base64. */
  readonly signature: string
}

/** No checkpoint begins with this line: what is signed here cannot pass for one. */
function announcementText(origin: string, next: string): string {
  return `credctl-next-key/v1\n${origin}\n${next}\n`
}

/** Signs the next key with the present one: who trusts this one learns of that one from it. */
export function announce(signer: Signer, next: string): Announcement {
  const [line] = parseNote(signer.sign(announcementText(signer.name, next))).signatures
  return { log: next, signature: (line?.signature ?? Buffer.alloc(0)).toString('base64') }
}

/** True when `present` announced it for its own log. */
export function isAnnouncedBy(present: Verifier, { log, signature }: Announcement): boolean {
  const { name, keyId } = present
  try {
    if (parseVkey(log).name !== name) return false
    const signatures = [{ name, keyId, signature: Buffer.from(signature, 'base64') }]
    return verifyNote({ text: announcementText(name, log), signatures }, [present]).length === 1
  } catch (error) {
    if (isCredctlError(error, 'log_invalid')) return false
    throw error
  }
}
