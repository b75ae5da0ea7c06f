import type { Consumption } from '../log/log.ts'
import { failures, type Metrics, taskStates } from '../ops/metrics.ts'
import { answerMs } from './readiness.ts'
import type { Task } from './task.ts'

/** What this process owns, as gauges. @param pendingBytes rows that are not stored yet */
export function observeTasks(metrics: Metrics, tasks: readonly Task[], pendingBytes: number): void {
  let profilesInMemory = 0
  let timersPending = 0
  let unsavedMs = 0
  let busiestShare = 0
  for (const task of tasks) {
    profilesInMemory += task.profilesInMemory
    timersPending += task.timersPending
    unsavedMs = Math.max(unsavedMs, task.unsavedMs)
    busiestShare = Math.max(busiestShare, task.busiestShare)
  }
  for (const reason of failures) {
    metrics.partitionFailed.set({ reason }, tasks.filter((task) => task.failure?.reason === reason).length)
  }
  for (const state of taskStates) {
    metrics.partitions.set({ state }, tasks.filter((task) => task.state === state).length)
  }
  metrics.profilesInMemory.set(profilesInMemory)
  metrics.busiestShare.set(busiestShare)
  metrics.timersPending.set(timersPending)
  metrics.checkpointAge.set(unsavedMs / 1000)
  metrics.pendingBytes.set(pendingBytes)
}

/** Only partitions that are owned and values that are known: other processes report the rest, and unknown is not 0. */
export function observePartitions(
  metrics: Metrics,
  topics: readonly string[],
  tasks: readonly Task[],
  consumption: Consumption | undefined,
): void {
  const { heldBack, consumerLag, fetchAge } = metrics
  for (const gauge of [heldBack, consumerLag, fetchAge]) gauge.reset()
  for (const task of tasks) {
    for (const topic of topics) {
      const { partition } = task.at
      const seen = consumption?.seen({ topic, partition })
      const nextOffset = task.nextOffset(topic)
      if (seen === undefined || task.state === 'failed') continue
      const labels = { topic, partition: String(partition) }
      heldBack.set(labels, seen.heldBackMs / 1000)
      if (nextOffset === undefined) continue
      fetchAge.set(labels, seen.unansweredMs / 1000)
      if (seen.unansweredMs < answerMs && seen.highWatermark !== undefined) {
        consumerLag.set(labels, Math.max(0, seen.highWatermark - nextOffset))
      }
    }
  }
}
