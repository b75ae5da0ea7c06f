import type { Turn } from '../log/log.ts'
import { Lost } from './failure.ts'
import { whileCurrent } from './patience.ts'

/** Work to do between two slices. */
interface Errand {
  readonly run: (turn: Turn) => Promise<void>
  readonly drop: () => void
}

/**
 * The work of a task, one piece at a time: a batch, a slice of timers, an errand between two slices, or the end. Between the
 * moment that nothing is under way and the beginning of the next piece there is no await, so two never begin at once.
 */
export class Exclusive {
  /** A slice is being folded and is not committed yet: no snapshot may be taken. */
  inSlice = false
  #underWay: Promise<void> | undefined
  #errand: Errand | undefined

  /** Settles when the piece under way has ended, however; never rejects. By then another may have begun. */
  get underWay(): Promise<void> | undefined {
    return this.#underWay
  }

  get hasErrand(): boolean {
    return this.#errand !== undefined
  }

  /**
   * Waits for the piece under way, then begins this one, and waits for it.
   * @param work undefined where there is nothing to do any more
   * @param turn it waits while that is current; if it ends meanwhile, nothing is begun
   */
  async run(work: () => Promise<void> | undefined, turn?: Turn): Promise<void> {
    const isCurrent = () => turn === undefined || turn.isCurrent()
    // More work may have begun in the meantime.
    while (this.#underWay && isCurrent()) await (turn ? whileCurrent(turn, this.#underWay) : this.#underWay)
    if (isCurrent()) await this.begin(work())
  }

  /** For work that has just begun, while nothing else is under way. @returns the work */
  begin(work: Promise<void> | undefined): Promise<void> | undefined {
    const done = () => {
      this.#underWay = undefined
    }
    if (work) this.#underWay = work.then(done, done)
    return work
  }

  /** Leaves an errand, which whoever does the next work runs between two slices. Rejects where it fails, or is dropped. */
  between<T>(work: (turn: Turn) => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#errand = {
        run: async (turn) => {
          try {
            this.inSlice = true
            resolve(await work(turn))
          } catch (error) {
            reject(error)
            throw error
          } finally {
            this.inSlice = false
          }
        },
        drop: () => reject(new Lost('the partition was closed before')),
      }
    })
  }

  /** To be called in a piece of work, between two slices. */
  async runErrand(turn: Turn): Promise<void> {
    const errand = this.#errand
    this.#errand = undefined
    await errand?.run(turn)
  }

  dropErrand(): void {
    this.#errand?.drop()
    this.#errand = undefined
  }
}
