import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { type TestContext, test } from 'node:test'
import kafkajs, { type Cluster, type Kafka } from 'kafkajs'
import { registerCodecs } from './codecs.ts'
import { useLeanProduce } from './lean-produce.ts'

// The request definitions that a broker object looks up; a kafkajs of another build fails here first.
const { lookup, requests } = createRequire(import.meta.url)('kafkajs/src/protocol/requests')

const produceApi = 0
const messages = [
  { key: 'ann', value: Buffer.from('one'), headers: { ce_id: 'é1', twice: ['a', 'b'] } },
  { key: null, value: null },
]
const asked = {
  transactionalId: 'g.in.4' as string | undefined,
  producerId: '4001',
  producerEpoch: 3,
  acks: -1,
  timeout: 30_000,
  compression: 0,
  topicData: [
    { topic: 'out', partitions: [0, 4].map((partition) => ({ partition, firstSequence: 70, messages })) },
    { topic: 'journal', partitions: [{ partition: 4, firstSequence: 0, messages: messages.slice(0, 1) }] },
  ],
}

/** How a producer's broker object of that highest version makes its requests, before our change or after. */
async function producerOf(maxVersion: number, change: (kafka: Kafka) => void) {
  const broker = { lookupRequest: lookup({ [produceApi]: { minVersion: 0, maxVersion } }) }
  const kafka = new kafkajs.Kafka({ brokers: ['127.0.0.1:1'], logLevel: kafkajs.logLevel.NOTHING })
  // A client object makes the cluster by a function under this symbol.
  const symbol = Object.getOwnPropertySymbols(kafka).find(
    ({ description }) => description === 'private:Kafka:createCluster',
  )!
  const client = kafka as unknown as Record<symbol, (settings: object) => Cluster>
  client[symbol] = () => ({ findBroker: async () => broker }) as unknown as Cluster
  change(kafka)
  const cluster = client[symbol]({})
  await cluster.findBroker({ nodeId: '1' })
  const { lookupRequest } = broker
  await cluster.findBroker({ nodeId: '1' })
  assert.equal(broker.lookupRequest, lookupRequest, 'changed once, however often it is asked for')
  return { lookupRequest, make: lookupRequest(produceApi, requests.Produce) }
}

async function bytesOf(
  make: (args: typeof asked) => { request: { encode(): Promise<{ buffer: Buffer }> } },
  args = asked,
) {
  return (await make(args).request.encode()).buffer
}

const unchanged = () => undefined

function stopClock(t: TestContext): void {
  t.mock.timers.enable({ apis: ['Date'], now: 1_790_000_000_000 })
}

test('the request is, byte by byte, the one that kafkajs makes', async (t) => {
  stopClock(t)
  const [stock, lean] = await Promise.all([producerOf(12, unchanged), producerOf(12, useLeanProduce)])
  assert.equal(stock.make(asked).request.apiVersion, 7)
  assert.deepEqual(await bytesOf(lean.make), await bytesOf(stock.make))
  const plain = { ...asked, transactionalId: undefined }
  assert.deepEqual(await bytesOf(lean.make, plain), await bytesOf(stock.make, plain))
  const { request, response } = lean.make(asked)
  assert.deepEqual([request.apiVersion, request.apiName, request.expectResponse()], [7, 'Produce', true])
  assert.equal(response, stock.make(asked).response)
})

test('other requests are left to kafkajs', async () => {
  const { lookupRequest } = await producerOf(12, useLeanProduce)
  assert.throws(() => lookupRequest(1, requests.Fetch), { name: 'KafkaJSServerDoesNotSupportApiKey' })
})

test('another version and compression are left to kafkajs', async (t) => {
  stopClock(t)
  await registerCodecs()
  const [stock, lean] = await Promise.all([producerOf(5, unchanged), producerOf(5, useLeanProduce)])
  assert.equal(lean.make(asked).request.apiVersion, 5)
  assert.deepEqual(await bytesOf(lean.make), await bytesOf(stock.make))
  const [newStock, newLean] = await Promise.all([producerOf(12, unchanged), producerOf(12, useLeanProduce)])
  const packed = { ...asked, compression: kafkajs.CompressionTypes.GZIP }
  assert.deepEqual(await bytesOf(newLean.make, packed), await bytesOf(newStock.make, packed))
  assert.notDeepEqual(await bytesOf(newLean.make), await bytesOf(newLean.make, packed))
})

test('a client object that makes clusters otherwise is left as it is', () => {
  const kafka = {} as Kafka
  useLeanProduce(kafka)
  assert.deepEqual(Reflect.ownKeys(kafka), [])
})
