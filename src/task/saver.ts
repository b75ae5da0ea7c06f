import { encodeCheckpoint, idsOf } from '../journal/checkpoint.ts'
import { profilesTable } from '../store/profile-row.ts'
import type { RowChunk } from '../store/row-binary.ts'
import type { TaskDeps } from './deps.ts'
import { TaskFailure } from './failure.ts'
import type { At, Opened } from './opened.ts'

/**
 * Brings a partition's profiles to the store, in checkpoints: a snapshot of those that changed since the last one, behind
 * the rows of the slices that it covers. At most every `checkpointMs`, one on its way at a time.
 */
export class Saver {
  readonly #deps: TaskDeps
  readonly #at: At
  readonly #fail: (failure: TaskFailure) => void
  #checkpoint: Promise<void> | undefined
  #checkpointMs = 0
  /** When the oldest change that no snapshot holds was made; 0 for none. */
  #unsavedSinceMs = 0
  /** The same of the snapshot that is being stored. */
  #savingSinceMs = 0
  /** A profile whose state is larger is told of, and then one that is twice as large. */
  #largeBytes = 64 * 1024 * 1024

  /** @param fail a profile makes the code throw: the next snapshot would come upon it again, with ever more to be replayed */
  constructor(deps: TaskDeps, at: At, fail: (failure: TaskFailure) => void) {
    this.#deps = deps
    this.#at = at
    this.#fail = fail
  }

  /** Age of the oldest change that the store does not have; ms. */
  get unsavedMs(): number {
    const sinceMs = this.#savingSinceMs || this.#unsavedSinceMs
    return sinceMs === 0 ? 0 : performance.now() - sinceMs
  }

  /** The checkpoint on its way; it never rejects. */
  get underWay(): Promise<void> | undefined {
    return this.#checkpoint
  }

  /** A slice is committed. @param atMs by the monotonic clock */
  noteChange(atMs: number): void {
    if (this.#unsavedSinceMs === 0) this.#unsavedSinceMs = atMs
  }

  /** What no snapshot holds is dropped, and will be replayed. */
  forgetChanges(): void {
    this.#unsavedSinceMs = 0
  }

  /** To be called between slices only, as `saveRest`. */
  saveWhenDue(opened: Opened): void {
    const nowMs = performance.now()
    if (this.#checkpoint || nowMs - this.#checkpointMs < this.#deps.checkpointMs) return
    if (opened.position === opened.checkpointPosition) return
    this.#checkpointMs = nowMs
    this.#save(opened)
  }

  /** What no checkpoint holds, behind the one that is being stored. No slice may be under way, nor begin before that is. */
  async saveRest(opened: Opened): Promise<void> {
    while (this.#checkpoint) await this.#checkpoint
    if (opened.position !== opened.checkpointPosition) this.#save(opened)
    await this.#checkpoint
  }

  /** Takes the snapshot now, and stores it behind the rows of the slices that it covers: it then speaks for them too. */
  #save(opened: Opened): void {
    const { position, profiles } = opened
    let snapshot: RowChunk
    try {
      snapshot = profiles.snapshot(position, encodeCheckpoint(this.#checkpointOf(opened)))
    } catch (error) {
      this.#fail(new TaskFailure('snapshot', "a profile can't be written: see the runbook", error))
      return
    }
    this.#tellOfLarge(profiles.largestBytes)
    this.#savingSinceMs = this.#unsavedSinceMs
    this.#unsavedSinceMs = 0
    this.#checkpoint = this.#store(snapshot, opened, position)
      // The writer was stopped: the next owner replays from the checkpoint before.
      .catch((error) => this.#deps.logger.debug('checkpoint.dropped', { ...this.#at, error }))
      .finally(() => {
        this.#checkpoint = undefined
        this.#savingSinceMs = 0
      })
  }

  async #store(snapshot: RowChunk, opened: Opened, position: number): Promise<void> {
    const { rows } = this.#deps
    await rows.whenStored()
    rows.write(profilesTable, snapshot)
    await rows.whenStored()
    opened.checkpointPosition = position
    opened.profiles.stored(position)
  }

  #checkpointOf({ offsets: all, untaken, clockMs, digest, journalOffset, moves }: Opened) {
    const { partitions, topicId } = this.#deps
    const offsets = Object.fromEntries([...all].filter(([topic]) => !untaken.has(topic)))
    const ids = idsOf(Object.keys(offsets), topicId)
    return { offsets, ids, clockMs, digest, journalOffset, partitions, ...moves }
  }

  #tellOfLarge(bytes: number): void {
    if (bytes <= this.#largeBytes) return
    this.#largeBytes = 2 * bytes
    const hint = 'one that is several times as large can not be read back: docs/runbook.md#large-profile'
    this.#deps.logger.warn('profile.large', { ...this.#at, bytes, hint })
  }
}
