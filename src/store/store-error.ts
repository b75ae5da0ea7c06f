/**
 * What went wrong in the store:
 * - `unavailable`: no answer, or an answer that was cut short; the rows may be stored nonetheless.
 * - `overloaded`: the server asks for patience (too many parts, memory, time, read-only …).
 * - `data`: the server refuses these very rows.
 * - `refused`: anything else, such as a missing table or right; an operator must mend it.
 */
export type StoreErrorCode = 'unavailable' | 'overloaded' | 'data' | 'refused'

/** The server's errors for a user that it does not know, and for a password that is missing or wrong. */
const badLogins = new Set([192, 193, 194, 516])

/** Connected, but silent for as long as an answer may take: a server that is away, or a query that takes longer. */
export const timedOut = 'timed out'

/** It carries codes alone: the server's own words echo the bytes of the rows around the fault. */
export class StoreError extends Error {
  override readonly name = 'StoreError'
  readonly code: StoreErrorCode
  /** The server's error code and name, such as 252 and `TOO_MANY_PARTS`, or 0 and the socket's (`ECONNRESET`, `timedOut`). */
  readonly serverCode: number
  readonly type: string
  readonly queryId: string

  constructor(code: StoreErrorCode, serverCode: number, type: string, queryId: string) {
    const what = badLogins.has(serverCode) ? 'does not take the user or its password' : code
    super(`ClickHouse ${what}: ${serverCode === 0 ? type : `${serverCode} ${type}`} (query ${queryId})`)
    this.code = code
    this.serverCode = serverCode
    this.type = type
    this.queryId = queryId
  }

  /** The user, its password, or both are wrong. */
  get badLogin(): boolean {
    return badLogins.has(this.serverCode)
  }

  /** Whether the same call may succeed later with nobody's help. Rows are idempotent, so a retry does no harm. */
  get retriable(): boolean {
    return this.code === 'unavailable' || this.code === 'overloaded'
  }
}
