import { kinds } from '../cases/outcome.ts'
import { nearest } from '../expressions/expression.ts'
import { comparedTexts } from '../expressions/named.ts'
import { ruleSources } from './rule-sources.ts'
import type { Config } from './schema.ts'
import type { Hint } from './type-hints.ts'

/**
 * Outcomes that are spelt nearly as one that cases know, in a rule or in what a topic's `types` gives; and rules that read
 * outcomes where no topic has any. A word of one's own may be meant: it is an event.
 */
export function outcomeHints(config: Config): Hint[] {
  const named = ruleSources(config).flatMap(({ source, path }) =>
    comparedTexts(source, 'outcome').map((outcome) => ({ outcome, path })),
  )
  const isOfOutcomes = ({ role }: Config['topics'][number]) => role === 'outcomes'
  if (!config.topics.some(isOfOutcomes)) {
    return named.map(({ path }) => ({ path, message: 'no topic has the role outcomes, so there is no outcome' }))
  }
  const given = config.topics.flatMap((topic, index) =>
    Object.entries((isOfOutcomes(topic) && topic.mapping?.types) || {}).map(([from, outcome]) => ({
      outcome,
      path: ['topics', index, 'mapping', 'types', from],
    })),
  )
  const isKnown = (outcome: string) => kinds.some((kind) => kind === outcome)
  const areIn = (list: readonly { readonly outcome: string }[]) => (one: { readonly outcome: string }) =>
    list.some(({ outcome }) => outcome === one.outcome)
  const alone = [...named.filter((one) => !areIn(given)(one)), ...given.filter((one) => !areIn(named)(one))]
  return alone.flatMap(({ outcome, path }): Hint[] => {
    const near = isKnown(outcome) ? undefined : nearest(outcome, kinds)
    return near === undefined ? [] : [{ path, message: `no case knows the outcome ${outcome}; did you mean ${near}?` }]
  })
}
