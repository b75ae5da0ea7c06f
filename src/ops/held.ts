type Release = (deadlineMs: number) => Promise<void> | void

/** What a process has opened itself. It is released in reverse order, when the process ends or its start fails. */
export class Held {
  readonly #releases: Release[] = []
  #released: Promise<void> | undefined

  add(release: Release): void {
    this.#releases.push(release)
  }

  /** Calls each, once, even where others throw. @throws AggregateError of what they threw */
  release(deadlineMs: number): Promise<void> {
    this.#released ??= this.#releaseAll(deadlineMs)
    return this.#released
  }

  async #releaseAll(deadlineMs: number): Promise<void> {
    const faults: unknown[] = []
    for (const release of this.#releases.reverse()) {
      try {
        await release(deadlineMs)
      } catch (fault) {
        faults.push(fault)
      }
    }
    if (faults.length > 0) throw new AggregateError(faults, 'the service did not end cleanly')
  }
}
