import { testLogContract } from '../log.contract.ts'
import { MemoryLog } from './memory-log.ts'

testLogContract('in memory', async () => {
  const log = new MemoryLog()
  let names = 0
  return { log, other: log, name: () => `name-${++names}`, close: () => log.close() }
})
