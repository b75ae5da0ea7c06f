/** How far it looks for a number, in doublings of the first step. */
const doublings = 50

/**
 * The numbers nearest to one, above and below it, for which something holds; none where it holds for nothing that was tried.
 * It doubles its steps until it holds, and then halves back, so it misses what holds in between alone.
 */
export function leastNumber(from: number, isWhole: boolean, holds: (value: number) => boolean): number[] {
  return [1, -1].flatMap((direction) => {
    let step = isWhole ? 1 : Math.max(Math.abs(from) / 1_000, 0.001)
    let near = from
    for (let i = 0; i < doublings; i++, step *= 2) {
      const far = from + direction * step
      if (!holds(far)) near = far
      else return [isWhole ? nearestWhole(near, far, holds) : nearestShort(near, far, holds)]
    }
    return []
  })
}

/** Of two whole numbers the first does not do and the second does. */
function nearestWhole(near: number, far: number, holds: (value: number) => boolean): number {
  let [not, does] = [near, far]
  while (Math.abs(does - not) > 1) {
    const middle = Math.trunc((not + does) / 2)
    if (holds(middle)) does = middle
    else not = middle
  }
  return does
}

/** As `nearestWhole`, to some 12 digits, and then the shortest number that still does. */
function nearestShort(near: number, far: number, holds: (value: number) => boolean): number {
  let [not, does] = [near, far]
  for (let i = 0; i < 60; i++) {
    const middle = (not + does) / 2
    if (middle === not || middle === does) break
    if (holds(middle)) does = middle
    else not = middle
  }
  for (let digits = 1; digits <= 12; digits++) {
    const short = Number(does.toPrecision(digits))
    const isNear = Math.abs(short - does) <= Math.abs(does) * 1e-3
    if (isNear && holds(short)) return short
  }
  return does
}

const view = new DataView(new ArrayBuffer(8))

/** The next number that a double can hold. */
export function nextAbove(value: number): number {
  if (value === 0) return Number.MIN_VALUE
  view.setFloat64(0, value)
  view.setBigInt64(0, view.getBigInt64(0) + (value > 0 ? 1n : -1n))
  return view.getFloat64(0)
}

export const nextBelow = (value: number) => -nextAbove(-value)
