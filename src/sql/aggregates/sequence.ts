import type { StepsDeclaration } from '../../features/declaration.ts'
import { type AggregateSql, type FeatureRows, readNumber, rowMs } from '../aggregate.ts'

/** Before all times, and not so far that a difference overflows; ms. */
const never = `toInt64(-${2 ** 62})`

/**
 * Goes through a customer's ms in order, like the stream (`features/aggregates/sequence.ts`). A lifetime with more ms than it
 * keeps in order may have merged some too early, so the stream's value may differ.
 */
export function sequenceSql(
  rows: FeatureRows,
  { withinMs, maxEvents }: StepsDeclaration,
  strict: boolean,
): AggregateSql {
  const steps = rows.steps()
  const met = steps.map((_, i) => `met${i}`)
  const columns = [...steps, '1'].map((of) => `[toInt64(${of})]`)
  const byMs = `sumMapIf([toInt64(${rowMs})], ${columns.join(', ')}, ${rows.counts})`
  const missed = strict ? never : 'old'
  const start = 'if(empty(made), ms, greatest(before, made[-1]))'
  const made = `if(met = 0, ${missed}, arrayMap(start -> if(ms - start <= ${withinMs}, start, ${missed}), [${start}])[1])`
  const before = `arrayPushFront(arrayPopBack(reached.2), ${never})`
  const advanced = `arrayFold((made, met, old, before) -> arrayPushBack(made, ${made}), [${met.join(', ')}], reached.2, ${before}, emptyArrayInt64())`
  const none = `arrayResize(emptyArrayInt64(), ${steps.length}, ${never})`
  const settled = `if(starts[-1] = ${never}, (reached.1, starts), (reached.1 + 1, ${none}))`
  const next = `arrayMap(starts -> ${settled}, [${advanced}])[1]`
  const lists = ['m.1', ...met.map((_, i) => `m.${i + 2}`)]
  const completed = `arrayFold((reached, ms, ${met.join(', ')}) -> ${next}, ${lists.join(', ')}, (toInt64(0), ${none})).1`
  return {
    text: `arrayMap(m -> (toFloat64(${completed}), toFloat64(length(m.1))), [${byMs}])[1]`,
    read: (cell) => readNumber((cell as SequenceCell)[0]),
    allows: (_streamed, cell) => (cell as SequenceCell)[1] > maxEvents,
  }
}

type SequenceCell = readonly [completed: number, times: number]
