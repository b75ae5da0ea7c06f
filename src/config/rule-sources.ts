import type { Config } from './schema.ts'

/** The expressions of features and actions over the event, each with its path in the configuration. */
export function ruleSources({ features, actions }: Pick<Config, 'features' | 'actions'>) {
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
  for (const [i, { when, on, value, payload }] of actions.entries()) {
    add(when, 'actions', i, 'when')
    add(value, 'actions', i, 'value')
    if (typeof on === 'object') {
      add(on.absent, 'actions', i, 'on', 'absent')
      add(on.after, 'actions', i, 'on', 'after')
    }
    for (const [name, entry] of Object.entries(payload)) {
      if (typeof entry === 'object') add(entry.cel, 'actions', i, 'payload', name, 'cel')
    }
  }
  return sources
}
