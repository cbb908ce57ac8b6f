export interface IrrevocableParts {
  /** How many leases Vault has given up ending. */
  readonly count: () => Promise<number>
  /** Called every round. */
  readonly onCount: (count: number) => void
  /** Called when there are some and their number is another than before. */
  readonly onFound: (count: number) => void
  /** Called for the first of several failures in a row. */
  readonly onFailure: (error: unknown) => void
}

/** One look at the leases that Vault cannot end: what they are for lives on, whatever the ledger says. */
export function irrevocableWatch({ count, onCount, onFound, onFailure }: IrrevocableParts) {
  let before = 0
  let failing = false
  return async (): Promise<void> => {
    try {
      const found = await count()
      failing = false
      onCount(found)
      if (found > 0 && found !== before) onFound(found)
      before = found
    } catch (error) {
      if (!failing) onFailure(error)
      failing = true
    }
  }
}
