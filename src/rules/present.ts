import type { Engine } from '../engine.ts'
import { Refused, type RulesRecord, withdrawn } from './deployed.ts'
import { takeRules } from './take.ts'

/**
 * Which rules count: those deployed last that this version of beckon takes; the file's as long as nothing is deployed, or where
 * it takes none of them.
 */
export class PresentRules {
  readonly #file: Engine
  #engine: Engine
  #isDeployed = false
  #refused: Refused | undefined

  constructor(file: Engine) {
    this.#file = file
    this.#engine = file
  }

  get engine(): Engine {
    return this.#engine
  }

  /** Whether they were deployed: the file's do not count then. */
  get isDeployed(): boolean {
    return this.#isDeployed
  }

  /** Why the newest record is not taken; undefined where it is. */
  get refused(): Refused | undefined {
    return this.#refused
  }

  /** @param records what has come since the last time, the newest first. Where none of them fits, all stays as it is */
  take(records: readonly RulesRecord[]): void {
    if (records.length === 0) return
    this.#refused = undefined
    for (const record of records) {
      const taken = this.#engineOf(record)
      if (taken instanceof Refused) {
        this.#refused ??= taken
        continue
      }
      this.#isDeployed = record !== withdrawn
      if (taken.policy.version !== this.#engine.policy.version) this.#engine = taken
      return
    }
  }

  #engineOf(record: RulesRecord): Engine | Refused {
    if (record instanceof Refused) return record
    return record === withdrawn ? this.#file : takeRules(this.#file, record)
  }
}
