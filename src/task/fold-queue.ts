/**
 * Lets one task fold at a time, first come, first served. All share one thread. If they took turns, all would finish folding
 * at the same moment, and then wait together for their commits and the next fetch. This way one partition commits while the
 * next one folds.
 */
export class FoldQueue {
  #last: Promise<void> = Promise.resolve()

  /**
   * Waits for all who asked earlier.
   * @returns call it when done: sockets are served, then the next one may fold. Calling it again does nothing
   */
  async enter(): Promise<() => void> {
    const before = this.#last
    let done!: () => void
    this.#last = new Promise((resolve) => {
      done = resolve
    })
    await before
    return () => void setImmediate(done)
  }
}
