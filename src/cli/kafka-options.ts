import { readFileSync } from 'node:fs'
import type { Config } from '../config/schema.ts'
import type { KafkaOptions } from '../log/kafka/client.ts'

/** What a Kafka client needs from the configuration; the files named there are read here. */
export function kafkaOptions({ kafka }: Config): KafkaOptions {
  const { tls, sasl } = kafka
  const read = (file: string | undefined) => (file === undefined ? undefined : readFileSync(file, 'utf8'))
  const pems = tls && { ca: read(tls.ca_file), cert: read(tls.cert_file), key: read(tls.key_file) }
  return {
    brokers: kafka.brokers,
    clientId: kafka.client_id,
    ...(pems ? { ssl: Object.fromEntries(Object.entries(pems).filter(([, pem]) => pem !== undefined)) } : {}),
    ...(sasl
      ? { sasl: { mechanism: sasl.mechanism as 'plain', username: sasl.username, password: sasl.password ?? '' } }
      : {}),
  }
}
