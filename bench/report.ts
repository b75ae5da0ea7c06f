/** Where figures go: one JSON line each with `--json`, else a table's row. Progress goes to stderr. */
export interface Report {
  figure(name: string, value: number): void
  /** Several figures of one thing. */
  row(name: string, values: Readonly<Record<string, number>>): void
  say(line: string): void
}

export function createReport(json: boolean): Report {
  return {
    figure(name, value) {
      const rounded = value >= 100 ? Math.round(value) : Number(value.toPrecision(3))
      console.log(json ? JSON.stringify({ figure: name, value: rounded }) : `${name.padEnd(36)} ${rounded}`)
    },
    row(name, values) {
      const cells = Object.entries(values).map(([of, value]) => `${of} ${value}`.padEnd(24))
      console.log(json ? JSON.stringify({ figure: name, ...values }) : `${name.padEnd(36)} ${cells.join('').trimEnd()}`)
    },
    say: (line) => console.error(`bench: ${line}`),
  }
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}
