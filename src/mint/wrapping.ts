import type { Secret } from '../secret/secret.ts'
import type { CredentialBody } from './mint.ts'

/** How a credential is opened by whom it is for: once, at Vault, with this token. */
export interface Wrapped {
  readonly token: Secret<string>
  readonly accessor: string
  readonly seconds: number
  readonly createdAt: string
  readonly creationPath: string
  /** Where to open it. */
  readonly address: string
  readonly namespace: string | undefined
}

/** For targets whose credentials can be given out wrapped. Errors: those of Vault. */
export interface Wrapping {
  wrap(credential: Secret<CredentialBody>, seconds: number): Promise<Wrapped>
  /** False once it was opened by anybody, or its time is over. */
  isClosed(accessor: string): Promise<boolean>
  /** Makes it open for nobody. An unknown one is success. */
  discard(accessor: string): Promise<void>
}
