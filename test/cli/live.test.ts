import { describe, expect, test } from 'vitest'
import { LiveText } from '../../src/cli/live.ts'

const ESC = '\u001b'
const DRAWING = new RegExp(`^(?:${ESC}\\[(\\d+)A)?\\r${ESC}\\[J([\\s\\S]*)$`)

/** A terminal of five lines, as far as drawing over earlier text goes. */
class FakeTerminal {
  readonly isTTY: boolean
  readonly columns = 20
  readonly rows = 5
  written = ''
  readonly lines: string[] = ['$ credctl']
  #at = 1

  constructor(isTTY = true) {
    this.isTTY = isTTY
  }

  write(text: string): void {
    this.written += text
    const [, up = '0', rest = ''] = DRAWING.exec(text) ?? []
    this.#at -= Number(up)
    this.lines.splice(this.#at, Infinity, ...rest.split('\n').slice(0, -1))
    this.#at = this.lines.length
  }
}

describe('live text', () => {
  test('is drawn over itself, and leaves what stood before it', () => {
    const terminal = new FakeTerminal()
    const live = new LiveText(terminal)
    live.draw('HEAD\na\nb\n')
    live.draw('HEAD\nb\n')
    expect(terminal.lines).toEqual(['$ credctl', 'HEAD', 'b'])
  })

  test('never wraps nor scrolls: it could not be drawn over then', () => {
    const terminal = new FakeTerminal()
    const live = new LiveText(terminal)
    const many = ['x'.repeat(50), 'b', 'c', 'd', 'e', 'f']
    live.draw(`${many.join('\n')}\n`)
    expect(terminal.lines).toEqual(['$ credctl', 'x'.repeat(20), 'b', 'c', 'and 3 more'])
    live.draw('short\n')
    expect(terminal.lines).toEqual(['$ credctl', 'short'])
  })

  test('counts styles as nothing, and never leaves one open', () => {
    const terminal = new FakeTerminal()
    new LiveText(terminal).draw(`\x1b[1m${'h'.repeat(30)}\x1b[22m\n`)
    expect(terminal.lines[1]).toBe(`\x1b[1m${'h'.repeat(20)}\x1b[22m`)
  })

  test('is printed once for each change where nothing can be drawn over', () => {
    const pipe = new FakeTerminal(false)
    const live = new LiveText(pipe)
    for (const text of ['a\n', 'a\n', 'b\n']) live.draw(text)
    expect(pipe.written).toBe('a\n\nb\n')
  })
})
