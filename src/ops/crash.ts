/** Why the process must end, once it must. */
export class Crash {
  readonly happened: Promise<never>
  hasHappened = false
  #reject!: (error: unknown) => void

  constructor() {
    this.happened = new Promise((_, reject) => {
      this.#reject = reject
    })
    // It may reject before anybody listens.
    this.happened.catch(() => undefined)
  }

  happen(error: unknown): void {
    this.hasHappened = true
    this.#reject(error)
  }
}
