import { Scope } from '../expressions/expression.ts'
import type { Feature } from '../features/features.ts'
import { timerVariables } from '../features/moment.ts'
import { featuresRead } from '../features/reading.ts'
import { durationText } from './duration.ts'
import type { Config } from './schema.ts'
import type { Hint } from './type-hints.ts'

/**
 * Hints at rolling windows that are no longer than the timer of the action that reads them in `when`, directly or through computed
 * features: when the timer fires, the event that started it and all events before have left the window.
 * @param features those of the configuration
 */
export function absenceHints({ features: declared, actions }: Config, features: readonly Feature[]): Hint[] {
  const sizes = new Map(
    declared.flatMap((one) => ('kind' in one && 'sizeMs' in one.window ? [[one.name, one.window.sizeMs]] : [])),
  )
  const scope = new Scope([...timerVariables, ...features])
  return actions.flatMap(({ on, when }, index) => {
    if (typeof on !== 'object') return []
    return featuresRead(scope.compile(when).names, features).flatMap(({ name }): Hint[] => {
      const sizeMs = sizes.get(name)
      if (sizeMs === undefined || sizeMs > on.forMs) return []
      const [back, runs] = [durationText(sizeMs), durationText(on.forMs)]
      const message = `${name} looks back ${back}, and the timer runs ${runs}: when it fires, the event that started it and all before have left the window`
      return [{ path: ['actions', index, 'when'], message }]
    })
  })
}
