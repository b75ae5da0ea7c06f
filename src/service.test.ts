import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { it } from 'node:test'
import { freePort } from './tools/stack/ports.ts'

const folder = mkdtempSync(join(tmpdir(), 'beckon-service-'))

it('leaves nothing running if its start fails late, even while ClickHouse is down and rows wait for it', async () => {
  const [clickhouse, port] = [await freePort(), await freePort()]
  const config = join(folder, 'beckon.yaml')
  writeFileSync(
    config,
    `kafka: { brokers: [none:1] }
clickhouse: { url: "http://127.0.0.1:${clickhouse}", username: nobody }
topics: [{ name: events, format: json }]
ops: { port: ${port} }
`,
  )
  // A separate process ends by itself only if nothing is left running.
  const program = `
    import { loadConfig } from '${new URL('./config/load.js', import.meta.url)}'
    import { compileEngine } from '${new URL('./engine.js', import.meta.url)}'
    import { MemoryLog } from '${new URL('./log/memory/memory-log.js', import.meta.url)}'
    import { createLogger } from '${new URL('./ops/logger.js', import.meta.url)}'
    import { startService } from '${new URL('./service.js', import.meta.url)}'
    import { connectClickHouse } from '${new URL('./store/clickhouse/client.js', import.meta.url)}'
    const loaded = loadConfig('${config}', {})
    const log = new MemoryLog(() => Date.now() + 3_600_000)
    const { actions, dead_letters, journal } = loaded.config.output
    await log.createTopics(['events', actions, dead_letters, journal].map((topic) => ({ topic, partitions: 1 })))
    const world = { log, clickhouse: connectClickHouse(loaded.config.clickhouse), logger: createLogger('silent') }
    await startService(compileEngine(loaded), world).catch((error) => console.log(error.name))
    await log.close()
    await world.clickhouse.close()`
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let output = ''
  child.stdout.on('data', (chunk) => {
    output += chunk
  })
  const late = setTimeout(() => child.kill(), 60_000)
  const [code] = await once(child, 'close')
  clearTimeout(late)
  rmSync(folder, { recursive: true })
  assert.deepEqual([code, output], [0, 'ClockError\n'])
})
