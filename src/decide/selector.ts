import { didYouMean } from '../expressions/expression.ts'
import type { ActionDeclaration } from './policy.ts'

/** Which actions a rule is for: those named, and those of a group, with a tag or by a channel; all, if it says nothing. */
export interface Selector {
  readonly actions: readonly string[]
  readonly groups: readonly string[]
  readonly tags: readonly string[]
  readonly channels?: readonly string[] | undefined
}

/** What a selector looks at. */
export interface Selectable {
  readonly name: string
  readonly group?: string | undefined
  readonly tags?: readonly string[] | undefined
  readonly channel: string
}

const none: readonly string[] = []
const always = () => true

/** Tells which actions a rule is for. It allocates nothing: past contacts are looked at with each event. */
export function selectorOf(of: Selector): (one: Selectable) => boolean {
  const named = of.actions.length + of.groups.length + of.tags.length + (of.channels ?? none).length
  return named === 0 ? always : (one) => isNamed(of, one)
}

export const selects = (of: Selector, one: Selectable): boolean => selectorOf(of)(one)

function isNamed(of: Selector, { name, group, tags = none, channel }: Selectable): boolean {
  const channels = of.channels ?? none
  if (of.actions.includes(name) || channels.includes(channel)) return true
  if (group !== undefined && of.groups.includes(group)) return true
  for (let i = 0; i < tags.length; i++) if (of.tags.includes(tags[i]!)) return true
  return false
}

/** Reports each name that no action has: a rule for it would do nothing. @param onFault with the path below the selector */
export function checkNames(
  of: Selector,
  actions: readonly ActionDeclaration[],
  onFault: (path: readonly (string | number)[], fault: Error) => void,
): void {
  const known = {
    actions: actions.map(({ name }) => name),
    groups: actions.flatMap(({ group }) => group ?? []),
    tags: actions.flatMap(({ tags }) => tags ?? []),
    channels: actions
      .flatMap(({ channel, treatments = [] }) => [channel, ...treatments.map((form) => form.channel ?? '')])
      .filter((channel) => channel !== ''),
  }
  for (const key of ['actions', 'groups', 'tags', 'channels'] as const) {
    for (const [index, name] of (of[key] ?? []).entries()) {
      if (known[key].includes(name)) continue
      const what = key === 'actions' ? `there is no action ${name}` : `no action has the ${key.slice(0, -1)} ${name}`
      onFault([key, index], new Error(`${what}${didYouMean(name, known[key])}`))
    }
  }
}
