/**
 * Lets one task fold at a time, in the order of their asking. All share one thread: in turns they would all have folded
 * at the same moment, and then wait together for their commits and for the next fetch. In single file, one partition
 * commits while the next one folds.
 */
export class FoldQueue {
  #last: Promise<void> = Promise.resolve()

  /**
   * Waits for all who asked before.
   * @returns what is to be called when done: sockets are served, then the next one is let in. Calling it again does nothing
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
