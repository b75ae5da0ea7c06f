import type { Probe } from '../ops/http.ts'
import type { TaskFailure } from './failure.ts'
import type { Task } from './task.ts'

/** Longer than any healthy answer takes, but short enough to notice soon: past it, a fetch or Kafka counts as down. */
export const answerMs = 10_000

type Described = Pick<Task, 'at' | 'state' | 'failure' | 'waitsFor' | 'stateMs'>

interface Parts {
  /** Whether this process is a member of the group. */
  readonly isMember: boolean
  /** The failure that stopped all partitions. */
  readonly failure: TaskFailure | undefined
  /** How long no broker has answered; 0 while they do. */
  readonly kafkaSilentMs: number
  /** Topics that are not there. */
  readonly missing: readonly string[]
  readonly tasks: Iterable<Described>
  /** How long a partition's fetch has had no answer. */
  readonly unansweredMs: (partition: number) => number
}

/** Whether this process does its work, and if not, why and what to do. A member without partitions is on standby: ready. */
export function readiness({ isMember, failure, kafkaSilentMs, missing, tasks, unansweredMs }: Parts): Probe {
  const partitions = [...tasks].map((task) => describe(task, unansweredMs(task.at.partition)))
  const reasons: Reason[] = []
  if (failure !== undefined) reasons.push({ reason: failure.reason, hint: failure.hint })
  else if (!isMember) reasons.push({ reason: 'the group has not been joined', hint: 'it waits for the coordinator' })
  if (kafkaSilentMs > answerMs) {
    const reason = `no broker has answered for ${seconds(kafkaSilentMs)} s`
    reasons.push({ reason, hint: 'are the brokers up, and can they be reached? beckon doctor tells' })
  }
  for (const topic of missing) reasons.push({ reason: `${topic} is not there`, hint: 'beckon doctor tells more' })
  const ok = reasons.length === 0 && partitions.every(({ state, reason }) => state === 'running' && !reason)
  return { ok, detail: { ...(reasons.length > 0 ? { reasons } : {}), partitions } }
}

interface Reason {
  readonly reason: string
  readonly hint: string
}

interface PartitionReadiness extends Partial<Reason> {
  readonly partition: number
  readonly state: string
  /** How long it has been in that state; left out while it is running. */
  readonly seconds?: number
}

function describe(task: Described, unansweredMs: number): PartitionReadiness {
  const { state, failure } = task
  const about = { partition: task.at.partition, state }
  if (failure !== undefined) return { ...about, reason: failure.reason, hint: failure.hint }
  if (state !== 'running') return { ...about, reason: task.waitsFor, seconds: seconds(task.stateMs(Date.now())) }
  if (unansweredMs <= answerMs) return about
  const reason = `no fetch was answered for ${seconds(unansweredMs)} s`
  return { ...about, reason, hint: "is the partition's leader up? beckon doctor tells" }
}

const seconds = (ms: number) => Math.round(ms / 1000)
