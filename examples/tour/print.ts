import { styleText } from 'node:util'

/** What a person reads while the tour walks; and whether all of it was as it should be. */
export class Narration {
  #step = 0
  #surprises = 0

  get surprises(): number {
    return this.#surprises
  }

  title(text: string): void {
    console.log(`\n${bold(text)}`)
  }

  step(text: string): void {
    this.#step += 1
    console.log(`\n${bold(`${String(this.#step).padStart(2)}  ${text}`)}`)
  }

  say(text: string): void {
    for (const line of text.split('\n')) console.log(`    ${dim(line)}`)
  }

  /** Something that ought to have worked. */
  works(did: string, outcome: string, asExpected: boolean): void {
    this.#line(asExpected ? green('✓') : red('✗ unexpected'), did, outcome, asExpected)
  }

  /** Something that ought to have been refused. */
  refused(did: string, outcome: string, asExpected: boolean): void {
    this.#line(asExpected ? green('✓ refused') : red('✗ NOT REFUSED'), did, outcome, asExpected)
  }

  #line(mark: string, did: string, outcome: string, asExpected: boolean): void {
    if (!asExpected) this.#surprises += 1
    console.log(`    ${mark}  ${did}`)
    for (const line of outcome.split('\n')) console.log(`       ${dim(line)}`)
  }
}

// `styleText` leaves colour out where the terminal, NO_COLOR or a pipe does not want it.
const bold = (text: string) => styleText('bold', text)
const dim = (text: string) => styleText('dim', text)
const green = (text: string) => styleText('green', text)
const red = (text: string) => styleText('red', text)
