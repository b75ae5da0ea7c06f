import { checkAdvertised, checkBrokers, checkKafkaVersion } from './brokers.ts'
import type { Check } from './check.ts'
import { checkConfig, checkDeclarations, checkGeo, checkNode, checkOps } from './host.ts'
import { checkRegistry, checkSchemas } from './registry.ts'
import { checkRules } from './rules.ts'
import { checkSamples } from './samples.ts'
import { checkClickHouse, checkClock, checkDisks, checkRecovery, checkStoreRights, checkTables } from './store.ts'
import * as stream from './stream.ts'
import * as topics from './topics.ts'

/** All checks, each after the ones it needs. */
export const checks: readonly Check[] = [
  { name: 'node', run: () => checkNode() },
  { name: 'config', run: checkConfig },
  { name: 'declarations', needs: ['config'], run: checkDeclarations },
  { name: 'geo', needs: ['config'], run: checkGeo },
  { name: 'ops port', needs: ['config'], run: checkOps },
  { name: 'brokers', needs: ['config'], run: checkBrokers },
  { name: 'advertised', needs: ['brokers'], run: checkAdvertised },
  { name: 'kafka version', needs: ['advertised'], run: checkKafkaVersion },
  { name: 'topics', needs: ['advertised'], run: topics.checkTopics },
  { name: 'partitions', needs: ['topics'], run: topics.checkPartitions },
  { name: 'replication', needs: ['topics'], run: topics.checkReplication },
  { name: 'settings', needs: ['topics'], run: topics.checkSettings },
  { name: 'rules', needs: ['topics', 'declarations'], run: checkRules },
  { name: 'group', needs: ['advertised'], run: stream.checkGroup },
  { name: 'transactions', needs: ['topics'], run: stream.checkTransactions },
  { name: 'upstream', needs: ['topics'], run: stream.checkUpstream },
  { name: 'lag', needs: ['topics', 'group'], run: stream.checkLag },
  { name: 'registry', needs: ['config'], run: checkRegistry },
  { name: 'schemas', needs: ['registry', 'declarations'], run: checkSchemas },
  { name: 'samples', needs: ['topics', 'declarations'], run: checkSamples },
  { name: 'clickhouse', needs: ['config'], run: checkClickHouse },
  { name: 'tables', needs: ['clickhouse'], run: checkTables },
  { name: 'rights', needs: ['tables'], run: checkStoreRights },
  { name: 'clock', needs: ['clickhouse'], run: checkClock },
  { name: 'disks', needs: ['clickhouse'], run: checkDisks },
  { name: 'recovery', needs: ['topics', 'tables'], run: checkRecovery },
]
