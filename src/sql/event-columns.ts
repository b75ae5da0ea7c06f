import { outcomeType } from '../events/outcome.ts'
import { zoneNames } from '../features/windows/calendar.ts'
import type { VariableSql } from './expression.ts'
import { quoteText } from './quote.ts'
import { constant, dyn, error, jsonNumber, number, quoteJson, readable, type Sql, SqlValues, simple } from './value.ts'

/**
 * The event's variables (`features/moment.ts`) as expressions over a row of `events` (`store/event-row.ts`). Variables that
 * need earlier rows (`session_events`, `entry_page`) use the SQL windows of `arrivalWindows`.
 */

/** Named columns of a query's level: each SQL text only once, however many expressions use it. */
export class Columns {
  readonly #prefix: string
  readonly #names = new Map<string, string>()

  constructor(prefix: string) {
    this.#prefix = prefix
  }

  /** @returns the column's name */
  add(sql: string): string {
    let name = this.#names.get(sql)
    if (name === undefined) {
      name = `${this.#prefix}${this.#names.size + 1}`
      this.#names.set(sql, name)
    }
    return name
  }

  /** `sql AS name` of each. */
  get list(): readonly string[] {
    return [...this.#names].map(([sql, name]) => `${sql} AS ${name}`)
  }
}

/** A row without a type is a statement of traits: no feature counts it. */
export const isOfEvent = "type != ''"
/** Event time; ms. */
export const eventMs = 'toUnixTimestamp64Milli(time)'
/** Whether the event belongs to the session in its row: an outcome has none, a late event from a session that is over is before its start. */
const inSession = 'session_index > 0 AND time >= session_start'

/** What every row of a query also has: the event's id, and the key of its customer's profile. */
export const eventId = 'ID'
export const customerKey = 'PART, customer'

/** The path of a URL, like `pathOf` in `enrich/url.ts`. */
const afterHost = "extract(replaceRegexpOne(url, '^([a-zA-Z][a-zA-Z0-9+.-]*:)?//', ''), '^[^/?#]*(/[^?#]*)')"
const path = `if(${afterHost} = '', '/', ${afterHost})`

/** Events so far in order of arrival: the customer's, the session's, and those of the session with the same start. */
export const arrivalWindows = [
  'arrived AS (PARTITION BY partition, customer ORDER BY position ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)',
  'seen AS (PARTITION BY partition, customer, session_index ORDER BY position ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)',
  'moved AS (PARTITION BY partition, customer, session_index, session_start ORDER BY position ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)',
]

/** Counts the events with this session start in order of arrival; 1 for the one that began the session or moved its start. */
const sinceMoved = 'row_number() OVER moved'

const texts: Readonly<Record<string, string>> = {
  type: "CAST(type, 'String')",
  outcome: `if(type = '${outcomeType}', strings['outcome'], '')`,
  customer: 'customer',
  url: 'url',
  title: "context['title']",
  referrer: "context['referrer']",
  channel: "context['channel']",
  locale: "context['locale']",
  currency: "context['currency']",
  device: "CAST(device, 'String')",
  browser: "CAST(browser, 'String')",
  os: "CAST(os, 'String')",
  country: "CAST(country, 'String')",
  city: "context['city']",
  referrer_class: "CAST(referrer_class, 'String')",
  referrer_source: "context['referrer_source']",
  channel_group:
    "if(referrer_class = 'direct' AND NOT arrayExists(k -> startsWith(k, 'campaign_'), mapKeys(context)), 'direct', context['channel_group'])",
}

const campaign = ['source', 'medium', 'name', 'term', 'content', 'clickId', 'network']

/**
 * The variables, as columns added to the level below the expressions.
 * @param arrivals columns of the level below that, directly over the rows
 */
export function eventVariablesSql(columns: Columns, arrivals: Columns): VariableSql {
  const column = ({ type, text }: Sql): Sql => simple(type, columns.add(text))
  const map = (member: (name: string) => Sql, whole: () => Sql) => ({
    member: (name: string) => column(member(name)),
    whole: () => column(whole()),
  })

  const variables: Readonly<Record<string, () => ReturnType<VariableSql>>> = {
    time_ms: () => column(number(`toFloat64(${eventMs})`)),
    value: () => {
      const amount = new SqlValues().toDyn(simple('number', 'value')).text
      return column(dyn(`if(isNull(value), ${constant(null).text}, ${amount})`))
    },
    bot: () => column({ type: 'bool', text: 'toUInt8(bot)', simple: false }),
    session_index: () => column(number('toFloat64(session_index)')),
    session_events: () => column(number(`toFloat64(countIf(${inSession}) OVER seen)`)),
    entry_page: () => {
      const began = `${arrivals.add(sinceMoved)} = 1 AND time = session_start AND url != ''`
      const first = `argMinIf(${path}, position, ${inSession} AND url != '') OVER seen`
      const latest = `argMaxIf(${path}, position, ${began}) OVER seen`
      return column({ type: 'string', text: `if(${latest} != '', ${latest}, ${first})`, simple: false })
    },
    properties: () => map(property, allProperties),
    traits: () => {
      const typed = arrivals.add(readable("context['typed_traits']"))
      return map(
        (name) => trait(name, typed),
        () => allTraits(typed),
      )
    },
    campaign: () => map((name) => (campaign.includes(name) ? campaignField(name) : error), wholeCampaign),
  }
  return (name) => {
    const text = texts[name]
    return text === undefined ? variables[name]?.() : column(simple('string', text))
  }
}

/**
 * The timezone that an event names, its trait before its own field; empty for none. Only takes names that both the server and
 * the stream know.
 */
export function timezoneSql(variable: VariableSql): string {
  const traits = variable('traits')
  if (traits === undefined || !('member' in traits)) throw new TypeError('traits are a map')
  const stated = new SqlValues().to('string', traits.member('timezone')).text
  const known = `SELECT time_zone FROM system.time_zones WHERE time_zone IN (${zoneNames().map(quoteText).join(', ')})`
  const isZone = (name: string) => `${name} IN (${known})`
  return `multiIf(NOT (${isOfEvent}), '', ${isZone(`ifNull(${stated}, '')`)}, ifNull(${stated}, ''), ${isZone("context['timezone']")}, context['timezone'], '')`
}

function property(name: string): Sql {
  const values = new SqlValues()
  const [strings, numbers, booleans, nested] = ['strings', 'numbers', 'booleans', 'nested'].map((map) =>
    entryOf(map, name),
  )
  const text = values.toDyn(simple('string', strings!.value)).text
  const amount = values.toDyn(simple('number', numbers!.value)).text
  const flag = values.toDyn(simple('bool', booleans!.value)).text
  // For a name that it does not have, a map gives an empty text, which is an error.
  const other = values.fromJson(asWritten(nested!.value)).text
  return dyn(`multiIf(${strings!.has}, ${text}, ${numbers!.has}, ${amount}, ${booleans!.has}, ${flag}, ${other})`)
}

/** An entry of a map column. Without help the server does not find an empty name. */
function entryOf(map: string, name: string): { has: string; value: string } {
  const quoted = quoteText(name)
  if (name !== '') return { has: `mapContains(${map}, ${quoted})`, value: `${map}[${quoted}]` }
  return {
    has: `arrayExists(k -> k = '', mapKeys(${map}))`,
    value: `arrayFirst((v, k) -> k = '', mapValues(${map}), mapKeys(${map}))`,
  }
}

/** Stored JSON as the server writes it, like what it reads from a list or a map; so equal values are equal texts. */
const asWritten = (json: string) => `JSONExtractRaw(${readable(json)})`

/** Grouped by type of value: the order in which they were sent is not stored. */
function allProperties(): Sql {
  const valuesOf = (map: string, json: string) => `arrayMap(v -> ${json}, mapValues(${map}))`
  return new SqlValues().map([
    ['mapKeys(strings)', valuesOf('strings', quoteJson('v'))],
    ['mapKeys(numbers)', valuesOf('numbers', jsonNumber('v'))],
    ['mapKeys(booleans)', valuesOf('booleans', `if(v, 'true', 'false')`)],
    ['mapKeys(nested)', `arrayMap(v -> ${readable('v')}, ${valuesOf('nested', asWritten('v'))})`],
  ])
}

/** @param typed traits that are not texts, including nulls, as one JSON object; empty for none */
function allTraits(typed: string): Sql {
  const isText = `NOT JSONHas(${typed}, k)`
  const names = `arrayFilter(k -> ${isText}, mapKeys(traits))`
  const texts = `arrayFilter((v, k) -> ${isText}, mapValues(traits), mapKeys(traits))`
  const others = `arrayMap(k -> JSONExtractRaw(${typed}, k), JSONExtractKeys(${typed}))`
  return new SqlValues().map([
    [names, `arrayMap(v -> ${quoteJson('v')}, ${texts})`],
    [`JSONExtractKeys(${typed})`, `arrayMap(v -> ${readable('v')}, ${others})`],
  ])
}

function wholeCampaign(): Sql {
  const fields = campaign.map((name) => quoteJson(campaignField(name).text))
  return new SqlValues().map([[`[${campaign.map(quoteText).join(', ')}]`, `[${fields.join(', ')}]`]])
}

function trait(name: string, typed: string): Sql {
  const values = new SqlValues()
  const { has, value } = entryOf('traits', name)
  const text = values.toDyn(simple('string', value)).text
  const isTyped = `JSONHas(${typed}, ${quoteText(name)})`
  const other = values.fromJson(`JSONExtractRaw(${typed}, ${quoteText(name)})`).text
  return dyn(`if(${has} AND NOT ${isTyped}, ${text}, ${other})`)
}

/** The map has every field of a campaign; unknown ones are empty. */
function campaignField(name: string): Sql {
  const column = name === 'clickId' ? 'campaign_click_id' : `campaign_${name}`
  return { type: 'string', text: `context[${quoteText(column)}]`, simple: false }
}
