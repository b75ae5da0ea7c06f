/**
 * The port between the stack and its parts: what a part needs, how to start it, and how to tell that it answers.
 * Processes, ports, folders and the order of things are the stack's business.
 */

/** What a stack offers, in the order in which it starts. */
export const serviceNames = ['kafka', 'clickhouse', 'registry'] as const
export type ServiceName = (typeof serviceNames)[number]

/** The brokers of a cluster; a single broker is the first. */
export const brokerNames = ['kafka', 'kafka-2', 'kafka-3'] as const
type BrokerName = (typeof brokerNames)[number]

/** A part is one process. */
export type PartName = ServiceName | BrokerName

/** Programs and packages that beckon can't bring itself. */
export type Tool = 'jdk' | 'maven' | 'chdb'

/** Called with one line that says which step a command is at. */
export type OnStep = (line: string) => void

export interface Launch {
  readonly command: string
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
}

export interface Part {
  readonly name: PartName
  readonly service: ServiceName
  /** The tools that a start needs now. What is downloaded already needs no downloader. */
  needs(): readonly Tool[]
  /** Downloads and formats what is missing in the part's own folder, and says how to start the process. */
  prepare(folder: string, port: number, onStep: OnStep): Promise<Launch>
  /** All ports that it takes if it is given this one. */
  ports(port: number): readonly number[]
  /** The version of what answers at the port; `folder` is the part's own. Rejects while nothing answers. */
  probe(port: number, folder: string): Promise<string>
  /** The address that a client of the part is configured with. */
  address(port: number): string
}
