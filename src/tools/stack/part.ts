/**
 * The port between the stack and its parts: what a part needs, how it is started, and how one learns that it
 * answers. Processes, ports, folders and the order of things are the stack's business.
 */

/** What a stack offers, in the order in which it starts. */
export const serviceNames = ['kafka', 'clickhouse', 'registry'] as const
export type ServiceName = (typeof serviceNames)[number]

/** The brokers of a cluster; one that is alone is the first. */
export const brokerNames = ['kafka', 'kafka-2', 'kafka-3'] as const
export type BrokerName = (typeof brokerNames)[number]

/** A part is one process. */
export type PartName = ServiceName | BrokerName

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
  readonly service: ServiceName
  /** The tools that a start needs now; what has been downloaded needs no downloader. */
  needs(): readonly Tool[]
  /** Downloads and formats what is missing in the part's own folder, and says how to start the process. */
  prepare(folder: string, port: number, onStep: OnStep): Promise<Launch>
  /** All ports that it takes where it is given that one. */
  ports(port: number): readonly number[]
  /** The version of what answers at the port, where the part's own folder is that one; rejects while nothing does. */
  probe(port: number, folder: string): Promise<string>
  /** What a client of the part is configured with. */
  address(port: number): string
}
