import { setTimeout as sleep } from 'node:timers/promises'
import { produceClicks } from './clicks-topic.ts'
import type { Report } from './report.ts'
import { makeBed, type Place, partitions, ServiceProcess, selectOne } from './service-process.ts'

const topic = 'scale.events'
const startMs = 1_767_225_600_000
/** A tenth of a gigabyte for each 200,000 customers would be too little to keep all of them in memory. */
const nodeFlags = ['--max-old-space-size=512']

const config = `
topics: [{ name: ${topic}, format: json }]
features:
  - { name: n, count: {}, window: lifetime }
  - { name: spend, sum: properties.price, scale: 2, where: type == "purchase", window: lifetime }
  - { name: views_1h, count: {}, where: type == "view", window: { size: 1h, pane: 5m } }
actions:
  - { name: thanks, when: properties.price > 1000, contact: { cooldown: 30m } }
`

/** Each customer once, and as many events again by customers drawn by Zipf's law. */
function* generate(customers: number) {
  const cumulated = new Float64Array(customers)
  let total = 0
  for (let i = 0; i < customers; i++) {
    total += (i + 1) ** -0.99
    cumulated[i] = total
  }
  let seed = 7
  const random = () => {
    seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0
    return seed / 2 ** 32
  }
  const drawn = () => {
    const wanted = random() * total
    let [low, high] = [0, customers - 1]
    while (low < high) {
      const middle = (low + high) >> 1
      if (cumulated[middle]! < wanted) low = middle + 1
      else high = middle
    }
    return low
  }
  for (let i = 0; i < customers * 2; i++) {
    const customer = i % 2 === 0 ? ((i / 2) * 7_919) % customers : (drawn() * 104_729) % customers
    const type = ['view', 'cart', 'purchase'][Math.floor(random() * 3)]
    yield eventOf(`e${i}`, `c${customer}`, type!, startMs + i * 50, Math.round(random() * 10_000) / 100)
  }
}

function eventOf(messageId: string, userId: string, type: string, timestamp: number, price: number) {
  const value = Buffer.from(JSON.stringify({ messageId, type, userId, timestamp, properties: { price } }))
  return { customer: userId, loggedMs: startMs, value }
}

/** More customers than the heap holds: the profiles equal SQL over the events; then the time from kill -9 to the next action. */
export async function benchScale(place: Place, customers: number, report: Report): Promise<void> {
  report.say(`filling ${topic} with ${customers * 2} events of ${customers} customers`)
  await produceClicks([place.kafka], topic, partitions, generate(customers))
  const bed = await makeBed(place, 'scale', config)
  let service = new ServiceProcess(bed, nodeFlags)
  try {
    report.say('the service, with a heap of 512 MB')
    let mostInMemory = 0
    while ((await service.metric('beckon_events_consumed_total')) < customers * 2) {
      mostInMemory = Math.max(mostInMemory, await service.metric('beckon_profiles_in_memory'))
      await sleep(1_000)
    }
    const seconds = (performance.now() - service.assignedMs) / 1000
    report.figure('scale_events_per_second', (customers * 2) / seconds)
    report.figure('scale_profiles_in_memory', mostInMemory)
    report.figure('scale_peak_mb', service.usage.peakMb)
    while ((await service.metric('beckon_checkpoint_age_seconds')) > 0) await sleep(200)
    await sleep(3_000)
    report.say('comparing the profiles with the events')
    const { compared, different } = await selectOne<{ compared: string; different: string }>(bed.client, comparison)
    report.figure('scale_profiles_compared', Number(compared))
    report.figure('scale_profiles_different', Number(different))

    report.say('kill -9, and an event that leads to an action')
    await service.end('SIGKILL')
    const late = Array.from({ length: partitions * 4 }, (_, i) =>
      eventOf(`late${i}`, `c${i}`, 'purchase', startMs + customers * 200, 2_000),
    )
    await produceClicks([place.kafka], topic, partitions, late)
    const restartedMs = performance.now()
    service = new ServiceProcess(bed, nodeFlags)
    await service.reaches('beckon_actions_total', 1)
    report.figure('scale_seconds_to_action_after_kill', (performance.now() - restartedMs) / 1000)
    // The gauge follows four times a second.
    await sleep(500)
    report.figure('scale_profiles_read_after_kill', await service.metric('beckon_profiles_in_memory'))
  } finally {
    await service.end('SIGTERM')
    await bed.client.close()
  }
}

/** The three features by their definition, as of each customer's latest event. */
const comparison = `
WITH
  once AS (SELECT customer, type, time, numbers['price'] AS price FROM events FINAL WHERE NOT duplicate),
  latest AS (
    SELECT customer, count() AS n, max(time) AS stream_time,
      sumIf(toInt64(floor(price * 100 + 0.5)), type = 'purchase') AS cents
    FROM once GROUP BY customer),
  pane AS (
    SELECT once.customer AS customer,
      countIf(type = 'view' AND intDiv(toUnixTimestamp64Milli(time), 300000) > intDiv(toUnixTimestamp64Milli(stream_time), 300000) - 12) AS views
    FROM once JOIN latest ON latest.customer = once.customer GROUP BY once.customer)
SELECT count() AS compared,
  countIf(numbers['n'] != n OR round(numbers['spend'] * 100) != cents OR numbers['views_1h'] != views) AS different
FROM latest
LEFT JOIN customers ON customers.customer = latest.customer
JOIN pane ON pane.customer = latest.customer`
