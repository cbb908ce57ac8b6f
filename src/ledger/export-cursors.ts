/**
 * Where exports stand, for all replicas: one of them at a time holds an export, and gives it up when
 * it does not come back in time. Errors: `ledger_unavailable`.
 */
export interface ExportCursors {
  /** Index of the next entry, and the export held for so long; undefined while another holds it. */
  take(name: string, holder: string, leaseMs: number): Promise<number | undefined>
  /** False when another took it meanwhile. Holds it for as long again. */
  save(name: string, holder: string, next: number, leaseMs: number): Promise<boolean>
  /** Without holding it; 0 before the first. */
  position(name: string): Promise<number>
}
