const FIRST_MS = 2_000
const LONGEST_MS = 60_000

/** Pauses that grow while something fails, so that one that is away costs next to nothing. */
export class Retry {
  #failures = 0
  #due = 0

  isDue(now: Date): boolean {
    return now.getTime() >= this.#due
  }

  succeeded(): void {
    this.#failures = 0
    this.#due = 0
  }

  failed(now: Date): void {
    const pause = Math.min(LONGEST_MS, FIRST_MS * 2 ** this.#failures)
    this.#failures += 1
    this.#due = now.getTime() + pause
  }
}
