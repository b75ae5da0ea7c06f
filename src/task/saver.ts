import { encodeCheckpoint, idsOf } from '../journal/checkpoint.ts'
import { profilesTable } from '../store/profile-row.ts'
import type { RowChunk } from '../store/row-binary.ts'
import type { TaskDeps } from './deps.ts'
import { TaskFailure } from './failure.ts'
import type { At, Opened } from './opened.ts'

/**
 * Saves a partition's profiles in checkpoints: a snapshot of those that changed since the last one. The rows of the slices
 * that it covers are stored before it. At most one every `checkpointMs`, and one in flight.
 */
export class Saver {
  readonly #deps: TaskDeps
  readonly #at: At
  readonly #fail: (failure: TaskFailure) => void
  #checkpoint: Promise<void> | undefined
  #checkpointMs = 0
  /** Time of the oldest change that is in no snapshot yet; 0 for none. */
  #unsavedSinceMs = 0
  /** The same for the snapshot that is being stored. */
  #savingSinceMs = 0
  /** A larger state is logged; then the limit becomes twice that state. */
  #largeBytes = 64 * 1024 * 1024

  /** @param fail called where the code throws on a profile: later snapshots would fail too, with ever more to replay */
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

  /** The checkpoint in flight; it never rejects. */
  get underWay(): Promise<void> | undefined {
    return this.#checkpoint
  }

  /** To be called when a slice is committed. @param atMs by the monotonic clock */
  noteChange(atMs: number): void {
    if (this.#unsavedSinceMs === 0) this.#unsavedSinceMs = atMs
  }

  /** To be called when the profiles are dropped: changes that are in no snapshot will be replayed. */
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

  /** Saves what is in no checkpoint yet, after the one in flight. No slice may be under way, or begin before it is done. */
  async saveRest(opened: Opened): Promise<void> {
    while (this.#checkpoint) await this.#checkpoint
    if (opened.position !== opened.checkpointPosition) this.#save(opened)
    await this.#checkpoint
  }

  /** Takes the snapshot now, and stores it after the rows of the slices that it covers, so that it vouches for them too. */
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
      // The writer was stopped: the next owner replays from the previous checkpoint.
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
