/**
 * The port between the stack and its parts: what a part needs, how it is started, and how one learns that it
 * answers. Processes, ports, folders and the order of things are the stack's business.
 */

export const partNames = ['kafka', 'clickhouse', 'registry'] as const
export type PartName = (typeof partNames)[number]

/** Programs and packages that beckon can't bring itself. */
export type Tool = 'jdk' | 'maven' | 'chdb'

/** Takes one line that says which step a command is at. */
export type OnStep = (line: string) => void

export interface Launch {
  readonly command: string
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
}

export interface Part {
  readonly name: PartName
  readonly defaultPort: number
  /** The tools that a start needs now; what has been downloaded needs no downloader. */
  needs(): readonly Tool[]
  /** Downloads and formats what is missing in the part's own folder, and says how to start the process. */
  prepare(folder: string, port: number, onStep: OnStep): Promise<Launch>
  /** The version of what answers at the port; rejects while nothing does. */
  probe(port: number): Promise<string>
  /** What a client of the part is configured with. */
  address(port: number): string
}
