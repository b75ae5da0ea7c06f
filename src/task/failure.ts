import { LogError } from '../log/log.ts'
import type { Failure } from '../ops/metrics.ts'
import { StateError } from '../store/state-error.ts'

/** The task can't go on for good: only an operator can make it right. docs/runbook.md has a section for each reason. */
export class TaskFailure extends Error {
  readonly reason: Failure
  /** What to do about it. */
  readonly hint: string

  constructor(reason: Failure, hint: string, cause?: unknown) {
    super(`${reason}: ${hint}`, { cause })
    this.reason = reason
    this.hint = hint
  }
}

/** What the task knows of the partition may be out of date: this task, or another owner, must open it again. */
export class Lost extends Error {}

/** The failure that an error stands for; undefined for one that passes when the task opens again. */
export function failureOf(error: unknown): TaskFailure | undefined {
  if (error instanceof TaskFailure) return error
  if (error instanceof StateError) {
    return new TaskFailure('state', `${error.message}: see the runbook`, error)
  }
  if (error instanceof LogError && error.code === 'too_large') {
    return new TaskFailure('output', 'an output topic refuses a record of allowed size: raise max.message.bytes', error)
  }
  if (error instanceof LogError && error.code === 'checksum') {
    return new TaskFailure('checksum', `${error.message}: see the runbook`, error)
  }
  if (error instanceof LogError && error.code === 'unreadable') {
    return new TaskFailure('unreadable', `${error.message}: see the runbook`, error)
  }
  return undefined
}
