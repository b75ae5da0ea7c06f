import type { WriteStream } from 'node:tty'
import pc from 'picocolors'
import { formatLine, formatView, type Snapshot } from './view.ts'

const plainEveryMs = 3_000

/** The demo's output: on a terminal a view that is redrawn in place, elsewhere a line now and then. */
export class Screen {
  readonly #stream: WriteStream
  readonly #colors = pc.createColors(pc.isColorSupported)
  /** Lines of the view that stand above the cursor. */
  #drawn = 0
  #lastPlainMs = Number.NEGATIVE_INFINITY

  constructor(stream: WriteStream) {
    this.#stream = stream
  }

  /** Whether it redraws in place. */
  get isLive(): boolean {
    return this.#stream.isTTY === true
  }

  /** A line of its own; a view that was there stays above it. */
  say(text: string): void {
    this.#drawn = 0
    this.#stream.write(`${text}\n`)
  }

  show(snapshot: Snapshot): void {
    const { columns = 80, rows = 24 } = this.#stream
    if (this.isLive) this.#redraw(formatView(snapshot, columns - 1, rows - 1, this.#colors))
    else if (performance.now() - this.#lastPlainMs > plainEveryMs) {
      this.#lastPlainMs = performance.now()
      this.say(formatLine(snapshot))
    }
  }

  /** In one write, line over line, so that nothing flickers: erases the rest of each line, and whatever is left below. */
  #redraw(lines: readonly string[]): void {
    const up = this.#drawn === 0 ? '' : `\x1b[${this.#drawn}A`
    this.#stream.write(`${up}\r${lines.map((line) => `${line}\x1b[K\n`).join('')}\x1b[J`)
    this.#drawn = lines.length
  }
}
