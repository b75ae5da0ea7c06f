import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { skip, World } from '../harness.ts'
import { playCrossings } from './play.ts'

/** `npm run crossings` in small; how late they are is measured there. */
describe('thresholds that are crossed by events, expiry and absence', { skip }, () => {
  let world: World
  before(async () => {
    world = await World.open()
  })
  after(() => world?.close())

  it('are acted on, each once, and no others, though the service is killed meanwhile', async () => {
    const lines: string[] = []
    const say = (line: string) => lines.push(line)
    const size = { events: 20_000, customers: 1_000, seconds: 8, warmSeconds: 1, kills: 1 }
    const report = await playCrossings(world, { ...size, seed: 1, say })
    assert.deepEqual([report.missed, report.false], [0, 0], lines.join('\n'))
    for (const count of [report.by_event, report.by_expiry, report.by_absence]) assert(count > 1_000, lines.join('\n'))
  })
})
