/**
 * What a beckon of before, or of later, has kept can't be read: the bytes are damaged, or of a format that this version
 * does not know. The partition fails closed. Its message names the format, and nothing of a customer's.
 */
export class StateError extends Error {}

/**
 * Checks the format of what is kept.
 * @param what as the start of a sentence
 * @param oldest the first format that is still read, and `newest` the one that is written
 * @throws StateError
 */
export function checkFormat(what: string, found: number, oldest: number, newest: number): void {
  if (found >= oldest && found <= newest) return
  const who = found > newest ? 'a later version of beckon wrote it' : 'it is damaged, or older than what is still read'
  throw new StateError(`${what} has format ${found}, and this version reads ${oldest} to ${newest}: ${who}`)
}
