interface Work {
  readonly everyMs: number
  /** Until the first run; `everyMs` where left out. */
  readonly firstMs?: number
  run(ended: AbortSignal): Promise<void>
  /** A run failed, and not for having been ended; the next one comes all the same. */
  onFailure(error: unknown): void
}

/**
 * Runs work now and then, and never two of its runs at once: one that takes longer is waited for.
 * @returns ends it; a run under way is told so by its signal
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
