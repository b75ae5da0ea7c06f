/** The demo could not show what it is there to show; the message says why. */
export class DemoError extends Error {
  override readonly name = 'DemoError'
}
