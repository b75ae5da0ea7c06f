import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { parse } from 'csv-parse/sync'
import { sharedData } from '../shared-data.ts'
import type { Subject } from './declarations.ts'

/** Real histories of `../shared/data`, as an upstream app may send them: JSON with an id, keyed by customer. */
export interface Dataset extends Subject {
  readonly name: string
  readonly file: string
  /** The columns that hold numbers; all others are texts. */
  readonly numbers: readonly string[]
  readonly customer: (row: Row) => string
  readonly time: string
  /** The rest of the topic's mapping. */
  readonly mapping: Readonly<Record<string, unknown>>
}

type Row = Readonly<Record<string, string>>

export const datasets: readonly Dataset[] = [
  {
    name: 'shop-clickstream',
    file: 'shop-clickstream/ecom.csv.gz',
    numbers: [],
    customer: (row) => row['user_id']!,
    time: 'timestamp',
    mapping: { type: 'event', session_id: 'session_id' },
    number: 'double(size(type)) * 1.1 + (properties.platform == "ios" ? 0.05 : -0.35)',
    text: 'properties.platform + "/" + type',
    conditions: ['type in ["purchase", "add_to_cart", "search"]', 'session_events > 3 && properties.platform != "ios"'],
  },
  {
    name: 'online-retail',
    file: 'online-retail/2010-12.csv.gz',
    numbers: ['Quantity', 'UnitPrice'],
    customer: (row) => row['CustomerID'] || row['InvoiceNo']!,
    time: 'InvoiceDate',
    mapping: { type: { cel: 'record.InvoiceNo.startsWith("C") ? "refund" : "purchase"' } },
    number: 'properties.Quantity * properties.UnitPrice',
    text: 'properties.StockCode',
    conditions: ['type == "refund" || properties.UnitPrice > 5', 'int(properties.Quantity) % 12 == 0'],
  },
  {
    name: 'grocery-baskets',
    file: 'grocery-baskets/transactions-weeks-1-13.csv.gz',
    numbers: ['quantity', 'sales_value', 'retail_disc', 'coupon_disc', 'coupon_match_disc', 'week'],
    customer: (row) => row['household_id']!,
    time: 'transaction_timestamp',
    mapping: { type: { constant: 'purchase' }, value: 'sales_value' },
    number: 'value',
    text: 'properties.product_id',
    conditions: ['properties.retail_disc > 0.0 && !(properties.store_id in ["330", "406"])'],
  },
]

const fileOf = ({ file }: Dataset) => sharedData(file)

export interface Message {
  readonly customer: string
  readonly timeMs: number
  readonly value: Buffer
}

export function readDataset(dataset: Dataset): Message[] {
  const rows: Row[] = parse(gunzipSync(readFileSync(fileOf(dataset))), { columns: true })
  return rows.map((row, i) => {
    const customer = dataset.customer(row)
    const numbers = dataset.numbers.map((name) => [name, Number(row[name])])
    const event = { ...row, ...Object.fromEntries(numbers), customer, id: `${dataset.name}-${i}` }
    const timeMs = Date.parse(`${row[dataset.time]!.replace(' ', 'T')}Z`)
    return { customer, timeMs, value: Buffer.from(JSON.stringify(event)) }
  })
}

/** A topic of a configuration. */
export const topicOf = ({ time, mapping }: Dataset, name: string) => ({
  name,
  format: 'json',
  key: 'customer',
  mapping: { id: 'id', customer: 'customer', time: { field: time, unit: 'iso' }, ...mapping },
})
