/** A fault of the local stack that its user can mend; the message says how. `usage` is a wrong call, exit code 2. */
export class StackError extends Error {
  override readonly name = 'StackError'
  readonly code: 'usage' | 'failed'

  constructor(code: 'usage' | 'failed', message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
