import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import { verdicts } from '../cases/case.ts'
import { outcomes } from '../decide/decision.ts'
import type { Action } from '../decide/policy.ts'
import { reasons } from '../ingest/rejected.ts'
import { statementResults, type Tally } from '../slice-output.ts'

/**
 * The metrics: prefix `beckon_`, base units, labels from closed sets, never a customer's id. Series whose labels are known are
 * created at the start, so that `rate()` and `absent()` work.
 */
export type Metrics = ReturnType<typeof createMetrics>

/** Why a partition stopped. */
export const failures = [
  'gap',
  'ahead',
  'diverged',
  'deleted',
  'journal',
  'digest',
  'policy',
  'settings',
  'partitions',
  'topics',
  'state',
  'snapshot',
  'output',
  'checksum',
  'unreadable',
] as const
export type Failure = (typeof failures)[number]

/** The states of a task; `task/task.ts` explains them. */
export const taskStates = ['closed', 'opening', 'running', 'failed'] as const
export type TaskState = (typeof taskStates)[number]

const conditionResults = ['met', 'unmet', 'error'] as const

export function createMetrics(
  actions: readonly string[],
  topics: readonly string[],
  features: readonly string[],
  defaults = true,
) {
  const registry = new Registry()
  const registers = [registry]
  if (defaults) collectDefaultMetrics({ register: registry })
  const counter = <L extends string>(name: string, help: string, labelNames: readonly L[] = []) =>
    new Counter<L>({ name: `beckon_${name}`, help, labelNames, registers })
  const gauge = <L extends string>(name: string, help: string, labelNames: readonly L[] = []) =>
    new Gauge<L>({ name: `beckon_${name}`, help, labelNames, registers })
  const histogram = <L extends string>(name: string, help: string, buckets: number[], labelNames: readonly L[] = []) =>
    new Histogram<L>({ name: `beckon_${name}`, help, labelNames, registers, buckets })

  const metrics = {
    registry,
    eventsConsumed: counter('events_consumed_total', 'Records taken from the input, committed.', ['topic']),
    deadLetters: counter('dead_letters_total', 'Records that became dead letters.', ['reason']),
    skipped: counter('skipped_total', 'Tombstones skipped.'),
    erasures: counter('erasures_total', 'Customers erased by a tombstone.', ['topic']),
    statements: counter('statements_total', 'Statements of traits and consent, by what came of them.', ['result']),
    duplicates: counter('duplicate_events_total', 'Events dropped because their id was seen within the window.'),
    lateEvents: counter('late_events_total', 'Events too late for a feature whose condition they met.', ['feature']),
    actions: counter('actions_total', 'Actions published.', ['action']),
    actionsTooLarge: counter('actions_too_large_total', 'Actions larger than the output topic takes.', ['action']),
    conditions: counter('conditions_total', "Evaluations of an action's condition.", ['action', 'result']),
    decisions: counter('decisions_total', 'Evaluations of the policy.', ['result']),
    outcomes: counter('outcomes_total', 'What came of actions, and events that met a goal.', [
      'action',
      'outcome',
      'effect',
    ]),
    cases: counter('cases_total', 'Cases that came to a verdict; those that began are open.', ['action', 'verdict']),
    policyInfo: gauge('policy_info', '1 for the rules that decide: by their hash, and whether they were deployed.', [
      'policy',
      'source',
    ]),
    rulesCurrent: gauge('rules_current', '1 while this process decides by the rules that were deployed last, if any.'),
    kafkaUp: gauge('kafka_up', '1 while some broker answers.'),
    groupMember: gauge('group_member', '1 while the consumer group counts on this process.'),
    fetchAge: gauge('fetch_age_seconds', 'How long the next fetch of a running partition has been without an answer.', [
      'topic',
      'partition',
    ]),
    consumerLag: gauge('consumer_lag', 'Records behind the high watermark; no series where that is not known.', [
      'topic',
      'partition',
    ]),
    heldBack: gauge(
      'held_back_seconds',
      "How long one open transaction of a producer has held back a partition's records.",
      ['topic', 'partition'],
    ),
    eventToAction: histogram(
      'event_to_action_seconds',
      "From the input record's timestamp to the commit of its slice, for slices that publish actions.",
      [0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 60],
    ),
    sliceSeconds: histogram(
      'slice_seconds',
      'Time of one slice by stage.',
      [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 5],
      ['stage'],
    ),
    sliceRetries: counter('slice_retries_total', 'Transactions tried again with a new producer.', ['code']),
    checkpointAge: gauge('checkpoint_age_seconds', 'Age of the oldest change that no checkpoint holds.'),
    partitionFailed: gauge('partition_failed', 'Partitions that stopped, by reason.', ['reason']),
    partitions: gauge('partitions', 'Partitions that this process owns, by the state of their task.', ['state']),
    profilesInMemory: gauge('profiles_in_memory', 'Profiles held in memory.'),
    busiestShare: gauge('busiest_customer_share', "The busiest customer's share of a partition's events, the largest."),
    splitCustomers: gauge(
      'customers_in_two_partitions',
      'Customers with events in more than one partition in the last hour.',
    ),
    timersPending: gauge('timers_pending', 'Customers with a timer or an open case, as far as is held in memory.'),
    timersFired: counter('timers_fired_total', 'Timers that fired.'),
    backfillPending: gauge(
      'backfill_pending_customers',
      'Customers with features that are yet to be computed from the events.',
      ['partition'],
    ),
    backfilled: counter('backfilled_customers_total', 'Customers whose features were computed from the events.', [
      'partition',
    ]),
    insertSeconds: histogram(
      'clickhouse_insert_seconds',
      'Time of one insert.',
      [0.01, 0.05, 0.1, 0.5, 1, 5, 30],
      ['table'],
    ),
    insertFailures: counter('clickhouse_insert_failures_total', 'Inserts that failed and were tried again.', ['table']),
    unstorableRows: counter('unstorable_rows_total', 'Rows that ClickHouse refused for good.', ['table']),
    pendingBytes: gauge('clickhouse_pending_bytes', 'Rows that wait for an insert.'),
    storeUp: gauge('clickhouse_up', '1 when the last insert was answered; 0 before the first.'),
    registryUp: gauge('registry_up', '0 when the last schema asked for was not answered.'),
    clockSkew: gauge('clock_skew_seconds', "By how much this machine's clock is ahead of the brokers'."),
    clockJumps: counter('clock_jumps_total', "How often this machine's clock jumped, or the machine was suspended."),
    parityCompared: gauge('parity_compared', 'Feature values that the last parity check compared.'),
    parityDifferent: gauge('parity_different', 'Those of them that differ from SQL over the events.'),
    parityLastRun: gauge('parity_last_run_timestamp_seconds', 'When the last parity check ended; 0 before the first.'),
  }
  for (const reason of reasons) metrics.deadLetters.inc({ reason }, 0)
  for (const result of statementResults) metrics.statements.inc({ result }, 0)
  seedRules(metrics, actions, features)
  for (const topic of topics) {
    metrics.eventsConsumed.inc({ topic }, 0)
    metrics.erasures.inc({ topic }, 0)
  }
  for (const result of outcomes) metrics.decisions.inc({ result }, 0)
  for (const reason of failures) metrics.partitionFailed.set({ reason }, 0)
  for (const state of taskStates) metrics.partitions.set({ state }, 0)
  metrics.registryUp.set(1)
  return metrics
}

type RuleMetrics = Record<'actions' | 'actionsTooLarge', Counter<'action'>> &
  Record<'conditions', Counter<'action' | 'result'>> &
  Record<'cases', Counter<'action' | 'verdict'>> &
  Record<'lateEvents', Counter<'feature'>>

/** Creates the series of these actions and features; those that are there, and those of rules before, stay as they are. */
export function seedRules(metrics: RuleMetrics, actions: readonly string[], features: readonly string[]): void {
  for (const action of actions) {
    metrics.actions.inc({ action }, 0)
    metrics.actionsTooLarge.inc({ action }, 0)
    for (const result of conditionResults) metrics.conditions.inc({ action, result }, 0)
    for (const verdict of verdicts) metrics.cases.inc({ action, verdict }, 0)
  }
  for (const feature of features) metrics.lateEvents.inc({ feature }, 0)
}

/** Adds the counts of a committed slice. */
export function countSlice(metrics: Metrics, topic: string, tally: Tally): void {
  metrics.eventsConsumed.inc({ topic }, tally.events)
  metrics.skipped.inc(tally.skipped)
  metrics.erasures.inc({ topic }, tally.erasures)
  metrics.duplicates.inc(tally.duplicates)
  for (const [feature, n] of tally.lateBy) metrics.lateEvents.inc({ feature }, n)
  metrics.timersFired.inc(tally.timers)
  for (const [result, n] of tally.statements) metrics.statements.inc({ result }, n)
  for (const [reason, n] of tally.deadLetters) metrics.deadLetters.inc({ reason }, n)
  for (const [action, n] of tally.actions) metrics.actions.inc({ action }, n)
  for (const [action, n] of tally.tooLarge) metrics.actionsTooLarge.inc({ action }, n)
  for (const [key, n] of tally.outcomes) {
    const [action = '', outcome = '', effect = ''] = key.split('\n')
    metrics.outcomes.inc({ action, outcome, effect }, n)
  }
  for (const [key, n] of tally.verdicts) {
    const [action = '', verdict = ''] = key.split('\n')
    metrics.cases.inc({ action, verdict }, n)
  }
  for (const result of outcomes) {
    if (tally.decisions[result] > 0) metrics.decisions.inc({ result }, tally.decisions[result])
  }
}

/** Adds what the actions have counted about their conditions, and resets those counts. */
export function countConditions(metrics: Metrics, actions: Iterable<Action>): void {
  for (const { name: action, conditions } of actions) {
    for (const result of conditionResults) {
      metrics.conditions.inc({ action, result }, conditions[result])
    }
  }
  forgetConditions(actions)
}

export function forgetConditions(actions: Iterable<Action>): void {
  for (const { conditions } of actions) for (const result of conditionResults) conditions[result] = 0
}
