/**
 * State that was stored, perhaps by another version, can't be read: the bytes are damaged, or in a format that this version
 * does not know. The partition fails closed. The message names the format, and holds nothing about a customer.
 */
export class StateError extends Error {}

/**
 * Checks the format of stored state.
 * @param what begins the message's sentence
 * @param oldest the oldest format that can be read; `newest` is the one that is written
 * @throws StateError
 */
export function checkFormat(what: string, found: number, oldest: number, newest: number): void {
  if (found >= oldest && found <= newest) return
  const who = found > newest ? 'a later version of beckon wrote it' : 'it is damaged, or older than what is still read'
  throw new StateError(`${what} has format ${found}, and this version reads ${oldest} to ${newest}: ${who}`)
}
