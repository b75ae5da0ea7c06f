/** One thing that is wrong with a configuration: where, what, and, if known, how to mend it. */
export interface Fault {
  readonly file: string
  /** 1-based; 0 if the fault has no place in the file. */
  readonly line: number
  readonly column: number
  /** The path of the value, for instance `features.2.where`. */
  readonly path: string
  readonly message: string
}

/** A configuration that can't be used, with all its faults. */
export class ConfigError extends Error {
  readonly faults: readonly Fault[]
  constructor(faults: readonly Fault[]) {
    super(faults.map(formatFault).join('\n'))
    this.name = 'ConfigError'
    this.faults = faults
  }
}

export function formatFault({ file, line, column, path, message }: Fault): string {
  const place = line > 0 ? `${file}:${line}:${column}` : file
  return `${place}: ${path ? `${path}: ` : ''}${message}`
}
