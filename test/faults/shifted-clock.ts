/**
 * Loaded into a worker before its program (`node --import`): its wall clock is `CLOCK_SHIFT_MS` ahead of the machine's, or
 * behind. Its monotonic clock is not: a wrong clock runs as fast as a right one.
 */
const shiftMs = Number(process.env['CLOCK_SHIFT_MS'])
const RealDate = Date

globalThis.Date = new Proxy(RealDate, {
  construct: (real, args, newTarget) =>
    Reflect.construct(real, args.length === 0 ? [real.now() + shiftMs] : args, newTarget),
  apply: () => new Date().toString(),
  get: (real, name) => (name === 'now' ? () => real.now() + shiftMs : Reflect.get(real, name)),
})
Object.defineProperty(performance, 'timeOrigin', { value: performance.timeOrigin + shiftMs })
