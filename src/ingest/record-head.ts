import { ByteRange } from '../events/log.ts'
import { isWellFormed } from '../events/text.ts'
import { type Place, rejected } from './rejected.ts'

/** What a mapping can name instead of a path to read a record's key or timestamp. In a file's rows they are plain fields. */
export const recordKey = '$key'
export const recordTime = '$timestamp'

const notText = rejected('utf8', "the record's key is not text")

/** A record's key and timestamp. One instance, filled again for each record. */
export class RecordHead {
  readonly key = new ByteRange()
  /** ms; -1 for none. */
  timestampMs = -1

  /**
   * '' if there is no key. Throws a rejection if its bytes are not text, as with a framed or binary key.
   * @param place what the key is read for
   */
  keyText(place: Place): string {
    const { bytes, start, end } = this.key
    if (bytes === null) return ''
    const text = bytes.toString('utf8', start, end)
    if (!isWellFormed(text)) throw notText.at(place)
    return text
  }
}
