/** As much of a terminal as redrawing needs. */
export interface Screen {
  readonly isTTY?: boolean
  readonly columns?: number
  readonly rows?: number
  write(text: string): unknown
}

const ROWS = 24
const COLUMNS = 80

/**
 * Text that is drawn again over itself on a terminal. Elsewhere each version that differs from the
 * one before is printed once, with an empty line between them.
 */
export class LiveText {
  readonly #screen: Screen
  #drawn: string | undefined
  #height = 0

  constructor(screen: Screen) {
    this.#screen = screen
  }

  draw(text: string): void {
    if (text === this.#drawn) return
    if (this.#screen.isTTY === true) this.#redraw(text)
    else this.#screen.write(this.#drawn === undefined ? text : `\n${text}`)
    this.#drawn = text
  }

  /** Up to where it began, and everything from there on anew: what stood before stays in view. */
  #redraw(text: string): void {
    const lines = this.#fitting(text.replace(/\n$/, '').split('\n'))
    const back = this.#height === 0 ? '' : `\x1b[${this.#height}A`
    this.#screen.write(`${back}\r\x1b[J${lines.map((line) => `${line}\n`).join('')}`)
    this.#height = lines.length
  }

  /** Lines that wrap, or scroll away, could not be drawn over. */
  #fitting(lines: readonly string[]): string[] {
    const { columns = COLUMNS, rows = ROWS } = this.#screen
    const room = Math.max(rows - 1, 1)
    const shown =
      lines.length <= room
        ? lines
        : [...lines.slice(0, room - 1), `and ${lines.length - room + 1} more`]
    return shown.map((line) => cut(line, columns))
  }
}

/** Styles take no room; a style that is cut off is ended. */
function cut(line: string, columns: number): string {
  let width = 0
  let text = ''
  for (const [part] of line.matchAll(STYLE_OR_CHARACTER)) {
    const isStyle = part.startsWith('\x1b')
    if (!isStyle && width === columns) continue
    text += part
    if (!isStyle) width += 1
  }
  return text
}

const ESCAPE = '\u001b'
const STYLE_OR_CHARACTER = new RegExp(`${ESCAPE}\\[[0-9;]*m|[\\s\\S]`, 'gu')
