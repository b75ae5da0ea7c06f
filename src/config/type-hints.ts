import { nearest } from '../expressions/expression.ts'
import { comparedTexts } from '../expressions/named.ts'
import { ruleSources } from './rule-sources.ts'
import type { Config } from './schema.ts'

/** Something that is probably a mistake, though it may be meant. */
export interface Hint {
  readonly path: readonly PropertyKey[]
  readonly message: string
}

/** An event type that a rule names. */
interface Named {
  readonly type: string
  readonly path: readonly PropertyKey[]
}

/**
 * Event types that miss each other: `types` gives a type that no rule names, though a rule names one that is spelt nearly the
 * same; or a rule names a type that no event has, since every topic's `types` renames it.
 */
export function typeHints(config: Config): Hint[] {
  const named = namedTypes(config)
  const known = [...new Set(named.map(({ type }) => type))]
  // What outcomes are called, `outcomeHints` looks at.
  const renames = config.topics.map(
    ({ role, mapping }) => new Map(role === 'outcomes' ? [] : Object.entries(mapping?.types ?? {})),
  )
  const given = new Set(renames.flatMap((types) => [...types.values()]))
  const unnamed = renames.flatMap((types, index) =>
    [...types].flatMap(([from, to]): Hint[] => {
      const near = known.includes(to) ? undefined : nearest(to, known)
      if (near === undefined) return []
      return [
        {
          path: ['topics', index, 'mapping', 'types', from],
          message: `no rule names the type ${to}; did you mean ${near}?`,
        },
      ]
    }),
  )
  const ofEvents = renames.filter((_, index) => (config.topics[index]!.role ?? 'events') === 'events')
  const renamed = named.flatMap(({ type, path }): Hint[] => {
    if (given.has(type) || ofEvents.length === 0 || !ofEvents.every((types) => types.has(type))) return []
    const names = [...new Set(ofEvents.map((types) => types.get(type)!))].join(' or ')
    return [{ path, message: `no event has the type ${type}: the mapping renames it to ${names}` }]
  })
  return [...unnamed, ...renamed]
}

function namedTypes(config: Config): Named[] {
  return ruleSources(config).flatMap(({ source, path }) =>
    comparedTexts(source, 'type').map((type) => ({ type, path })),
  )
}
