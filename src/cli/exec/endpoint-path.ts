/** Where the credential of a target is, below the address of a local endpoint. */
export function credentialPath(target: string): string {
  return `/v1/credentials/${encodeURIComponent(target)}`
}
