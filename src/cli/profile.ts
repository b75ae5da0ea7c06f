import { Command } from 'commander'
import { loadConfig } from '../config/load.ts'
import { type OpenCase, readOpenCases } from '../store/clickhouse/cases.ts'
import { type ConsentRow, readConsent } from '../store/clickhouse/consent.ts'
import { createProfileStore } from '../store/clickhouse/profiles.ts'
import { configOption } from './config-option.ts'
import { connectStore } from './connect.ts'
import { CommandError } from './exit.ts'
import { alignColumns, printable } from './table.ts'

export function profileCommand(): Command {
  return new Command('profile')
    .description("a customer's features, traits, consent, session and open cases, as ClickHouse has them")
    .argument('<id>', 'the customer')
    .addOption(configOption())
    .option('--json', 'one JSON object')
    .action(async (customer: string, { config: file, json }: { config: string; json?: true }) => {
      const { config } = loadConfig(file, process.env)
      const client = connectStore(config)
      try {
        const rows = await createProfileStore(client).readCustomer(customer)
        const consent = await readConsent(client, customer)
        const cases = await readOpenCases(client, customer)
        if (json) console.log(JSON.stringify({ customer, profiles: rows, consent, open_cases: cases }))
        if (rows.length === 0) {
          const { database } = config.clickhouse
          throw new CommandError(
            `no profile of ${printable(customer)} in ${database}: never seen, erased, or not written yet`,
          )
        }
        const names = config.features.map(({ name }) => name)
        if (json) return
        const blocks = (rows as unknown as CustomerRow[]).map((row) => formatProfile(row, names))
        console.log([...blocks, ...formatConsent(consent), ...formatCases(cases)].join('\n\n'))
      } finally {
        await client.close()
      }
    })
}

/** A row of the view `customers`; times are in UTC. */
export interface CustomerRow {
  readonly partition: number
  readonly customer: string
  readonly version: string
  readonly stream_time: string
  readonly session_index: number
  readonly session_start: string
  readonly session_last: string
  readonly session_events: number
  readonly session_entry_page: string
  readonly numbers: Readonly<Record<string, number>>
  readonly strings: Readonly<Record<string, string>>
  readonly lists: Readonly<Record<string, readonly string[]>>
  readonly maps: Readonly<Record<string, Readonly<Record<string, number>>>>
  readonly not_ready: readonly string[]
  readonly traits: Readonly<Record<string, string>>
  readonly updated_at: string
}

/** @param names of the configuration's features: those of which the row has nothing are listed without a value */
export function formatProfile(row: CustomerRow, names: readonly string[]): string {
  const { session_index: session, session_entry_page: entryPage } = row
  const since = `from ${row.session_start} to ${row.session_last}, ${row.session_events} events`
  const head = [
    ['customer', row.customer],
    [
      'as of',
      Date.parse(`${row.stream_time}Z`) === 0
        ? 'no event yet'
        : `${row.stream_time} UTC, its stream time: features are as of then, not as of now`,
    ],
    ['lies in', `partition ${row.partition}`],
    ['written', `${row.updated_at} UTC`],
    ['session', session === 0 ? 'none' : `number ${session}, ${since}${entryPage ? `, entered at ${entryPage}` : ''}`],
  ]
  const known = [
    ...Object.entries(row.numbers).map(([name, value]) => [name, String(value)]),
    ...Object.entries(row.strings).map(([name, value]) => [name, JSON.stringify(value)]),
    ...Object.entries(row.lists).map(([name, values]) => [
      name,
      values.map((value) => JSON.stringify(value)).join(', '),
    ]),
    ...Object.entries(row.maps).map(([name, values]) => [
      name,
      Object.entries(values)
        .map(([key, value]) => `${JSON.stringify(key)}: ${value}`)
        .join(', '),
    ]),
    ...row.not_ready.map((name) => [name, 'not ready']),
  ]
  const listed = new Set(known.map(([name]) => name))
  const features = [...known, ...names.filter((name) => !listed.has(name)).map((name) => [name, 'no value'])]
  const blocks = [
    alignColumns(toPrintable(head)),
    block('feature', features),
    block('trait', Object.entries(row.traits)),
  ]
  return blocks.filter((text) => text !== '').join('\n\n')
}

/** Nothing where the customer has said nothing. */
export function formatConsent(consent: readonly ConsentRow[]): string[] {
  if (consent.length === 0) return []
  const rows = consent.map(({ purpose, channel, given, since, topic, partition, offset }) => [
    purpose,
    channel || 'any other',
    given ? 'yes' : 'no',
    `${since} UTC`,
    `${topic}-${partition}@${offset}`,
  ])
  return [alignColumns([['purpose', 'channel', 'consent', 'since', 'said in'], ...toPrintable(rows)])]
}

/** A block, or none. */
export function formatCases(cases: readonly OpenCase[]): string[] {
  if (cases.length === 0) return []
  const rows = cases.map(({ action, treatment, time, ends, delivered, impression, click }) => [
    treatment === '' ? action : `${action} (${treatment})`,
    time,
    ends,
    click !== null ? 'clicked' : impression !== null ? 'seen' : delivered !== null ? 'delivered' : 'nothing yet',
  ])
  return [alignColumns([['open case', 'since (UTC)', 'until (UTC)', 'so far'], ...toPrintable(rows)])]
}

function block(title: string, rows: readonly (readonly string[])[]): string {
  if (rows.length === 0) return ''
  const sorted = [...rows].sort(([a = ''], [b = '']) => (a < b ? -1 : 1))
  return alignColumns([[title, 'value'], ...toPrintable(sorted)])
}

const toPrintable = (rows: readonly (readonly string[])[]) => rows.map((row) => row.map(printable))
