import type { Config, TopicConfig } from '../../config/schema.ts'

/** The topic of that name, or the only one there is; else undefined. */
export function findTopic({ topics }: Config, name: string | undefined): TopicConfig | undefined {
  if (name === undefined) return topics.length === 1 ? topics[0] : undefined
  return topics.find((topic) => topic.name === name)
}
