import type { Cli } from '../cli.ts'

/** Shorter work is over before anybody reads. */
const QUIET_MS = 1_000
const EVERY_MS = 100

/** A line that counts, on a terminal and only for what takes long. */
export class Progress {
  readonly #cli: Cli
  readonly #what: string
  #next = performance.now() + QUIET_MS
  #isShown = false

  constructor(cli: Cli, what: string) {
    this.#cli = cli
    this.#what = what
  }

  show(done: number, all: number): void {
    const { stderr } = this.#cli.process
    if (!stderr.isTTY || performance.now() < this.#next) return
    this.#next = performance.now() + EVERY_MS
    this.#isShown = true
    const percent = all === 0 ? 100 : Math.floor((done / all) * 100)
    stderr.write(`\r${done} of ${all} ${this.#what} (${percent} %)`)
  }

  clear(): void {
    if (this.#isShown) this.#cli.process.stderr.write('\r\x1b[K')
  }
}
