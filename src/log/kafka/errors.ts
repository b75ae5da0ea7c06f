/** Turns errors of brokers and of kafkajs into LogErrors. */
import { LogError, type LogErrorCode } from '../log.ts'

const codeOfType: ReadonlyMap<string, LogErrorCode> = new Map([
  // The coordinator also says this when its time-out ended the transaction: the id is no longer ours either way.
  ['INVALID_PRODUCER_EPOCH', 'fenced'],
  ['INVALID_PRODUCER_ID_MAPPING', 'fenced'],
  ['PRODUCER_FENCED', 'fenced'],
  ['MESSAGE_TOO_LARGE', 'too_large'],
  ['RECORD_LIST_TOO_LARGE', 'too_large'],
  ['OFFSET_METADATA_TOO_LARGE', 'too_large'],
  ['UNKNOWN_TOPIC_OR_PARTITION', 'unknown_topic'],
  ['INVALID_TOPIC_EXCEPTION', 'unknown_topic'],
  ['TOPIC_AUTHORIZATION_FAILED', 'refused'],
  ['GROUP_AUTHORIZATION_FAILED', 'refused'],
  ['CLUSTER_AUTHORIZATION_FAILED', 'refused'],
  ['TRANSACTIONAL_ID_AUTHORIZATION_FAILED', 'refused'],
  ['INVALID_TRANSACTION_TIMEOUT', 'refused'],
  ['INVALID_TIMESTAMP', 'refused'],
  ['POLICY_VIOLATION', 'refused'],
])

const badLogins = new Set(['KafkaJSSASLAuthenticationError', 'SASL_AUTHENTICATION_FAILED'])

/** The protocol's name of the error, which kafkajs puts somewhere down the causes; else the error's class name. */
export function errorType(error: unknown): string {
  let name = 'Error'
  for (let at = error; at instanceof Error; at = at.cause) {
    name = at.name
    if ('type' in at && typeof at.type === 'string') return at.type
  }
  return name
}

/** @param otherwise the code where the error's own type does not tell one, as for a lost connection */
export function toLogError(error: unknown, doing: string, otherwise: LogErrorCode): LogError {
  if (error instanceof LogError) return error
  const type = errorType(error)
  if (badLogins.has(type)) {
    return new LogError('refused', `${doing} failed: the brokers do not take kafka.sasl's user or password`, error)
  }
  return new LogError(codeOfType.get(type) ?? otherwise, `${doing} failed: ${type}`, error)
}
