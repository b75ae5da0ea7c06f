import type { Config } from './schema.ts'

/** The expressions of features and actions over the event, each with its path in the configuration. */
export function ruleSources({ features, actions, arbitration }: Pick<Config, 'features' | 'actions' | 'arbitration'>) {
  const sources: { readonly source: string; readonly path: readonly PropertyKey[] }[] = []
  const add = (source: unknown, ...path: PropertyKey[]) => {
    if (typeof source === 'string') sources.push({ source, path })
  }
  for (const [i, feature] of features.entries()) {
    if (!('kind' in feature)) continue
    const { kind, where } = feature
    add(where, 'features', i, 'where')
    if ('of' in kind) add(kind.of, 'features', i, kind.name)
    if ('by' in kind) add(kind.by?.key, 'features', i, 'by')
    if ('steps' in kind) for (const [step, source] of kind.steps.entries()) add(source, 'features', i, kind.name, step)
  }
  add(arbitration.nothing, 'arbitration', 'nothing')
  for (const [i, action] of actions.entries()) {
    const { on, payload, treatments = [] } = action
    for (const key of ['when', 'propensity', 'context', 'value', 'lever'] as const) add(action[key], 'actions', i, key)
    for (const [k, { when, factor, payload: own = {} }] of treatments.entries()) {
      add(when, 'actions', i, 'treatments', k, 'when')
      add(factor, 'actions', i, 'treatments', k, 'factor')
      for (const [name, entry] of Object.entries(own)) {
        if (typeof entry === 'object') add(entry.cel, 'actions', i, 'treatments', k, 'payload', name, 'cel')
      }
    }
    if (typeof on === 'object') {
      add(on.absent, 'actions', i, 'on', 'absent')
      add(on.after, 'actions', i, 'on', 'after')
    }
    add(action.goal?.when, 'actions', i, 'goal', 'when')
    add(action.goal?.value, 'actions', i, 'goal', 'value')
    for (const [name, entry] of Object.entries(payload)) {
      if (typeof entry === 'object') add(entry.cel, 'actions', i, 'payload', name, 'cel')
    }
  }
  return sources
}
