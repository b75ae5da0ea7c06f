interface Work {
  readonly everyMs: number
  /** Delay of the first run; by default `everyMs`. */
  readonly firstMs?: number
  run(ended: AbortSignal): Promise<void>
  /** A run failed, and not because it was ended; the next one still comes. */
  onFailure(error: unknown): void
}

/**
 * Runs work again and again, `everyMs` after the last run has ended, so never two runs at once.
 * @returns call it to end that; a run under way is told by its signal
 */
export function schedule({ everyMs, firstMs = everyMs, run, onFailure }: Work): () => void {
  const ended = new AbortController()
  let timer = setTimeout(next, firstMs)
  async function next(): Promise<void> {
    try {
      await run(ended.signal)
    } catch (error) {
      if (!ended.signal.aborted) onFailure(error)
    }
    if (!ended.signal.aborted) timer = setTimeout(next, everyMs)
  }
  return () => {
    clearTimeout(timer)
    ended.abort()
  }
}
