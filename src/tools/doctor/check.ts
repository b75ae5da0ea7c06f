import type { World } from './world.ts'

/** `skip`: there was nothing to look at, or a check that it needs has failed. */
type Status = 'ok' | 'warn' | 'fail' | 'skip'

export interface Verdict {
  readonly status: Status
  readonly detail: string
  /** What to do about it, in one line; only with `warn` and `fail`. */
  readonly mend?: string
}

/** One thing that can be right or wrong by itself. */
export interface Check {
  readonly name: string
  /** Earlier checks that must pass for this one to say anything new; if one of them fails, this one is skipped. */
  readonly needs?: readonly string[]
  run(world: World): Verdict | Promise<Verdict>
}

export interface Finding extends Verdict {
  readonly check: string
}

export const ok = (detail: string): Verdict => ({ status: 'ok', detail })
export const skip = (detail: string): Verdict => ({ status: 'skip', detail })
export const warn = (detail: string, mend: string): Verdict => ({ status: 'warn', detail, mend })
export const fail = (detail: string, mend: string): Verdict => ({ status: 'fail', detail, mend })
