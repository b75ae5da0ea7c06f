/**
 * What went wrong in the store:
 * - `unavailable`: no answer, or one that was cut short; the rows may be stored all the same.
 * - `overloaded`: the server can't do it now (too many parts, memory, time, read-only …).
 * - `data`: the server refuses these particular rows.
 * - `refused`: anything else, such as a missing table or right; an operator must fix it.
 */
export type StoreErrorCode = 'unavailable' | 'overloaded' | 'data' | 'refused'

/** The server's error codes for an unknown user, and for a missing or wrong password. */
const badLogins = new Set([192, 193, 194, 516])

/** Connected, but no answer in time: the server is down, or the query takes too long. */
export const timedOut = 'timed out'

/** It carries codes only: the server's own messages repeat bytes of the rows around the fault. */
export class StoreError extends Error {
  override readonly name = 'StoreError'
  readonly code: StoreErrorCode
  /** The server's error code and name, such as 252 and `TOO_MANY_PARTS`; or 0 and the socket's, or `timedOut`. */
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

  /** Whether the user or its password is wrong. */
  get badLogin(): boolean {
    return badLogins.has(this.serverCode)
  }

  /** Whether the same call may succeed later without anybody's help. Rows are idempotent, so a retry does no harm. */
  get retriable(): boolean {
    return this.code === 'unavailable' || this.code === 'overloaded'
  }
}
