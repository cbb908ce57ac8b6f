/**
 * The published face of the log (C2SP tlog-tiles): bytes that are served, saved or verified as
 * they are. A broker's database, a directory of tiles and a URL all read like this.
 */
export interface LogReader {
  /** The newest signed checkpoint, a C2SP signed note. */
  checkpoint(): Promise<Uint8Array>
  /**
   * Hashes of one tile, 32 bytes each. `width` 1 to 255 asks for a partial tile, 256 for a full
   * one. Undefined when the log has no such tile.
   */
  tile(level: number, index: number, width: number): Promise<Uint8Array | undefined>
  /** Entries of one bundle, each behind its uint16 big-endian length. */
  entries(index: number, width: number): Promise<Uint8Array | undefined>
}

/** An entry of one grant, as it stands in the log. */
export interface GrantEntry {
  readonly index: number
  /** The exact bytes that were hashed: canonical JSON. */
  readonly bytes: Uint8Array
}

/** What the broker's own database can answer beyond the published log. */
export interface LedgerLog extends LogReader {
  entriesOfGrant(grant: string): Promise<readonly GrantEntry[]>
  /** `c2sp.org/tlog-proof@v1` for one entry; undefined when there is no such entry. */
  receipt(index: number): Promise<string | undefined>
}
