import type { Engine } from './engine.ts'
import { countConditions, forgetConditions, type Metrics, seedRules } from './ops/metrics.ts'
import type { Outages } from './ops/outages.ts'
import { startParity } from './schedules.ts'
import type { ClickHouseClient } from './store/clickhouse/client.ts'

/** What the service does by the names of the rules that decide, beside the tasks: metrics, and the comparison with SQL. */
export class Ruled {
  readonly #clickhouse: ClickHouseClient
  readonly #metrics: Metrics
  readonly #logger: Outages
  #conditioned: ReturnType<typeof conditionedOf>
  #endParity: () => void

  /** What was counted before, as while the code warms up, does not count. */
  constructor(engine: Engine, clickhouse: ClickHouseClient, metrics: Metrics, logger: Outages) {
    this.#clickhouse = clickhouse
    this.#metrics = metrics
    this.#logger = logger
    this.#seed(engine)
    this.#conditioned = conditionedOf(engine)
    forgetConditions(this.#conditioned)
    this.#endParity = startParity(engine, clickhouse, metrics, logger)
  }

  /** @param change resolves when nothing goes by the rules before any more */
  async goOver(engine: Engine, change: () => Promise<void>): Promise<void> {
    const [before, after] = [this.#conditioned, conditionedOf(engine)]
    this.#seed(engine)
    this.#conditioned = [...before, ...after]
    await change()
    this.countConditions()
    this.#conditioned = after
    this.#endParity()
    this.#endParity = startParity(engine, this.#clickhouse, this.#metrics, this.#logger)
  }

  countConditions(): void {
    countConditions(this.#metrics, this.#conditioned)
  }

  end(): void {
    this.#endParity()
  }

  #seed({ policy, features }: Engine): void {
    seedRules(
      this.#metrics,
      policy.names,
      features.features.map(({ name }) => name),
    )
  }
}

const conditionedOf = ({ policy }: Engine) => [...policy.onEvent, ...policy.onTimer.flat()]
