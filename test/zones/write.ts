import { writeFileSync } from 'node:fs'
import { connectClickHouse } from '../../src/store/clickhouse/client.ts'
import { testOptions } from '../../src/store/clickhouse/test-database.ts'

/** Writes the names of the timezones that the ClickHouse at `BECKON_TEST_CLICKHOUSE` knows. */

const file = new URL('../../../src/features/windows/server-zones.ts', import.meta.url)

const client = connectClickHouse({ ...testOptions(), database: 'default' })
const result = await client.query({
  query:
    'SELECT version() AS version, groupArray(time_zone) AS zones FROM (SELECT * FROM system.time_zones ORDER BY time_zone)',
  format: 'JSONEachRow',
})
const [{ version, zones }] = (await result.json()) as [{ version: string; zones: string[] }]
await client.close()
const lines = ['']
for (const zone of zones) {
  if (`${lines.at(-1)} ${zone}`.length > 118) lines.push('')
  lines.push(`${lines.pop()} ${zone}`.trim())
}
writeFileSync(
  file,
  `/** The names of timezones that ClickHouse ${version} knows, of which the tables' queries can speak; \`npm run zones\` writes this file. */
export const serverZones: ReadonlySet<string> = new Set(
  \`
${lines.join('\n')}
\`
    .trim()
    .split(/\\s/),
)
`,
)
console.log(`wrote ${zones.length} timezones of ClickHouse ${version}`)
