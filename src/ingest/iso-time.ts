/** ISO 8601 to ms since 1970 without `Date`, which the pure core may not use and which guesses at other forms. */

const form =
  /^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d+))?)?\s?(?:(Z|UTC|GMT)|([+-])(\d\d):?(\d\d)?)?)?$/i

/** Days from 1970-01-01 in the proleptic Gregorian calendar: years counted from March, in eras of 400. */
function daysFromCivil(year: number, month: number, day: number): number {
  const y = month <= 2 ? year - 1 : year
  const era = Math.floor(y / 400)
  const yearOfEra = y - era * 400
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear
  return era * 146_097 + dayOfEra - 719_468
}

function daysInMonth(year: number, month: number): number {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31
}

/**
 * `2026-03-01T12:30:00.123Z`, with an offset, with a space for the T, with UTC for the Z, or a date alone. UTC if no zone is
 * given. Digits past the ms are cut off. A leap second (23:59:60 UTC) counts as the second after it, as Unix time has it.
 * NaN for any other text.
 */
export function parseIsoTime(text: string): number {
  const found = form.exec(text)
  if (found === null) return Number.NaN
  const part = (i: number): number => (found[i] === undefined ? 0 : Number(found[i]))
  const [year, month, day, hour, minute, second] = [part(1), part(2), part(3), part(4), part(5), part(6)]
  const valid = month >= 1 && month <= 12 && day >= 1 && day <= daysInMonth(year, month)
  if (!valid || hour > 23 || minute > 59 || second > 60 || part(10) > 23 || part(11) > 59) return Number.NaN
  const ms = Number((found[7] ?? '').padEnd(3, '0').slice(0, 3))
  const offsetMinutes = (part(10) * 60 + part(11)) * (found[9] === '-' ? -1 : 1)
  const minutes = daysFromCivil(year, month, day) * 1440 + hour * 60 + minute - offsetMinutes
  if (second === 60 && (((minutes + 1) % 1440) + 1440) % 1440 !== 0) return Number.NaN
  return minutes * 60_000 + second * 1000 + ms
}
