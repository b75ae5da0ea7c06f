import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { FeatureQueries } from '../sql/features.ts'
import { StoreError } from '../store/store-error.ts'
import { checkParity, type ParityReader } from './parity.ts'
import { summarize } from './tally.ts'

const queries: FeatureQueries = {
  queries: [{ features: [{ name: 'n', read: (cell) => cell as number }], text: () => '' }],
  untold: [],
}

/** Customers by number; every computed value is right but that of `wrong`. A query of more than `most` is too much. */
function readerOf(count: number, wrong: number, most: number): ParityReader & { readonly asked: number[] } {
  const names = Array.from({ length: count }, (_, i) => `c${String(i).padStart(6, '0')}`)
  const asked: number[] = []
  const of = (customer: string) => ({ partition: 0, customer })
  return {
    asked,
    customers: async (after, limit) => names.filter((name) => name > after).slice(0, limit),
    sample: async (n, seed) => names.slice(seed, seed + n),
    profiles: async (customers) =>
      customers.map((name) => ({ ...of(name), version: 1, erasedBefore: 0, isReady: () => true, value: () => 5 })),
    async compute(_query, profiles) {
      if (profiles.length > most) throw new StoreError('overloaded', 241, 'MEMORY_LIMIT_EXCEEDED', 'q')
      asked.push(profiles.length)
      return profiles.map(({ customer }) => ({ ...of(customer), cells: [customer === names[wrong] ? 6 : 5] }))
    },
  }
}

test('all customers are looked at once, page by page, and the one that differs is found', async () => {
  const reader = readerOf(120_500, 77_777, 1_000)
  const heard: number[] = []
  const tallies = await checkParity(queries, reader, { onProgress: (done) => heard.push(done) })
  assert.deepEqual(summarize(tallies), {
    features: 1,
    compared: 120_500,
    equal: 120_499,
    within_bound: 0,
    different: 1,
    worst: 1 / 6,
  })
  assert.equal(tallies[0]!.examples[0]!.customer, 'c077777')
  assert.equal(heard.at(-1), 120_500)
})

test('a sample is of so many, and a chunk that is too much for the server is halved', async () => {
  const reader = readerOf(5_000, 10, 300)
  const tallies = await checkParity(queries, reader, { sample: { count: 1_000, seed: 7 } })
  assert.equal(summarize(tallies).compared, 1_000)
  assert.deepEqual(reader.asked, [250, 250, 250, 250])
})

test('one customer that is too much is an error, and a check that is ended stops', async () => {
  await assert.rejects(checkParity(queries, readerOf(2, 0, 0), {}), StoreError)
  const reader = readerOf(5_000, 0, 1_000)
  const tallies = await checkParity(queries, reader, { signal: AbortSignal.abort() })
  assert.equal(summarize(tallies).compared, 0)
})
