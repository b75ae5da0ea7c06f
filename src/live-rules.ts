import type { Engine } from './engine.ts'
import { type Log, LogError } from './log/log.ts'
import type { Metrics } from './ops/metrics.ts'
import type { Outages } from './ops/outages.ts'
import { schedule } from './ops/schedule.ts'
import { PresentRules } from './rules/present.ts'
import { RulesTopic } from './rules/topic.ts'

/** How soon a deployment is noticed. */
const everyMs = 2_000

interface Parts {
  readonly log: Log
  readonly logger: Outages
  readonly metrics: Pick<Metrics, 'policyInfo' | 'rulesCurrent'>
  /** Whether the topic of rules is there; undefined where that is not known. */
  readonly isThere: () => boolean | undefined
}

/** How a service goes over to other rules. */
export interface Adoption<Prepared> {
  /** Resolves when the store has the rules' text: a slice that they decide must not be committed before. */
  readonly prepare: (engine: Engine) => Promise<Prepared>
  /** Resolves when all decide by them. */
  readonly adopt: (engine: Engine, prepared: Prepared) => Promise<void>
}

/**
 * The rules that this process decides by, and those that are deployed while it runs. What can't be read or taken changes
 * nothing: the process goes on with the rules it has, and says so in the log, the metrics and `/readyz`.
 */
export class LiveRules {
  readonly #file: Engine
  readonly #parts: Parts
  readonly #rules: PresentRules
  readonly #topic: RulesTopic
  #adopted: Engine
  #isRead = false
  /** Why the topic can't be read now; undefined while it can, and where it never was there. */
  #unread: string | undefined
  #told = ''

  private constructor(file: Engine, parts: Parts) {
    const { kafka, output } = file.config
    this.#file = file
    this.#parts = parts
    this.#rules = new PresentRules(file)
    this.#topic = new RulesTopic(parts.log, output.rules, kafka.group)
    this.#adopted = file
  }

  /** Reads what is deployed. @throws LogError where the brokers do not answer: which rules count is not known then */
  static async open(file: Engine, parts: Parts): Promise<LiveRules> {
    if (parts.isThere() === undefined) {
      throw new LogError('unavailable', 'no broker has said whether rules are deployed')
    }
    const live = new LiveRules(file, parts)
    await live.#look((error) => error instanceof LogError && error.retriable)
    live.#adopted = live.#rules.engine
    live.#observe()
    const { version } = live.#adopted.policy
    if (version !== file.policy.version) {
      const hint = "they were deployed, and the file's are not used: beckon deploy publishes those"
      parts.logger.warn('rules.deployed', { version, hint })
    }
    return live
  }

  /** What decides. */
  get engine(): Engine {
    return this.#adopted
  }

  /** For `/readyz`. */
  get detail(): Readonly<Record<string, unknown>> {
    const { version: policy } = this.#adopted.policy
    const source = this.#source
    const why = this.#behind
    return { rules: { policy, source, ...(why === undefined ? {} : { not_current: why }) } }
  }

  /** @returns what ends it */
  follow<Prepared>(adoption: Adoption<Prepared>): () => void {
    const { logger } = this.#parts
    return schedule({
      everyMs,
      run: (ended) => this.#follow(adoption, ended),
      onFailure: (error) => logger.error('rules.not_adopted', { version: this.#rules.engine.policy.version, error }),
    })
  }

  async #follow<Prepared>({ prepare, adopt }: Adoption<Prepared>, ended: AbortSignal): Promise<void> {
    const { logger } = this.#parts
    await this.#look()
    while (this.#isBehind && !ended.aborted) {
      const next = this.#rules.engine
      const { version } = next.policy
      const startMs = performance.now()
      this.#observe()
      const prepared = await prepare(next)
      // The store may have been away for long.
      await this.#look()
      if (next !== this.#rules.engine || ended.aborted) continue
      await adopt(next, prepared)
      this.#adopted = next
      logger.info('rules.adopted', { version, ms: Math.round(performance.now() - startMs) })
    }
    this.#observe()
  }

  get #isBehind(): boolean {
    return this.#rules.engine.policy.version !== this.#adopted.policy.version
  }

  get #source(): 'deployed' | 'file' {
    return this.#rules.isDeployed ? 'deployed' : 'file'
  }

  /** Why it does not decide by what was deployed last; undefined where it does. */
  get #behind(): string | undefined {
    if (this.#rules.refused !== undefined) return this.#rules.refused.detail
    if (this.#unread !== undefined) return this.#unread
    return this.#isBehind ? `policy ${this.#rules.engine.policy.version} is deployed, and waits to be taken` : undefined
  }

  #observe(): void {
    const { policyInfo, rulesCurrent } = this.#parts.metrics
    policyInfo.reset()
    policyInfo.set({ policy: this.#adopted.policy.version, source: this.#source }, 1)
    rulesCurrent.set(this.#behind === undefined ? 1 : 0)
  }

  /** @param throws for which errors it throws */
  async #look(throws: (error: unknown) => boolean = () => false): Promise<void> {
    const { logger, isThere } = this.#parts
    const topic = this.#file.config.output.rules
    try {
      if (isThere()) {
        this.#rules.take(await this.#topic.read())
        this.#isRead = true
        this.#unread = undefined
      } else if (this.#isRead) this.#unread = `the topic ${topic} is not there any more, or may no longer be described`
    } catch (error) {
      if (throws(error)) throw error
      this.#unread = error instanceof LogError ? error.message : String((error as Error)?.name)
      if (this.#told !== this.#unread) logger.warn('rules.unread', { topic, error })
    }
    this.#tell(topic)
  }

  /** Once for each cause. */
  #tell(topic: string): void {
    const { refused } = this.#rules
    const why = refused?.detail ?? this.#unread ?? ''
    if (refused !== undefined && this.#told !== why) {
      this.#parts.logger.error('rules.refused', { topic, reason: refused.reason, hint: why })
    }
    this.#told = why
  }
}
