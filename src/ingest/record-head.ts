import { ByteRange } from '../events/log.ts'
import { isWellFormed } from '../events/text.ts'
import { type Place, rejected } from './rejected.ts'

/** What a mapping may take of a record beside its value, in the place of a path. In a row of a file they are fields of that name. */
export const recordKey = '$key'
export const recordTime = '$timestamp'

const notText = rejected('utf8', "the record's key is not text")

/** The key and the timestamp of a record, as a place that is filled for one record after the other. */
export class RecordHead {
  readonly key = new ByteRange()
  /** ms; -1 for none. */
  timestampMs = -1

  /**
   * '' where there is no key. Throws a rejection where its bytes are not text: a framed or binary key.
   * @param place what it is read for
   */
  keyText(place: Place): string {
    const { bytes, start, end } = this.key
    if (bytes === null) return ''
    const text = bytes.toString('utf8', start, end)
    if (!isWellFormed(text)) throw notText.at(place)
    return text
  }
}
