/** The programs that the stack needs on this machine: which are missing, and what to do about it. */

import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { chdbIsInstalled } from './clickhouse/library.ts'
import type { Tool } from './part.ts'

const oldestJava = 17

const mends: Readonly<Record<Tool, string>> = {
  jdk:
    `Java ${oldestJava} or later is missing (Kafka runs on it). ` +
    'Debian, Ubuntu: apt-get install default-jre-headless (22.04: openjdk-17-jre-headless); macOS: brew install openjdk. Or set JAVA_HOME to one.',
  maven:
    'Maven (mvn) is missing; it downloads Kafka and the registry, once. ' +
    'Debian, Ubuntu: apt-get install maven; macOS: brew install maven.',
  chdb:
    'The optional packages chdb and ffi-rs, which hold ClickHouse, are missing: npm install --include=optional. ' +
    'They exist for Linux with glibc and for macOS; elsewhere run docker compose up.',
}

/** What to do about a missing tool. */
export function mendOf(tool: Tool): string {
  return mends[tool]
}

export function isInstalled(tool: Tool): boolean {
  if (tool === 'chdb') return chdbIsInstalled()
  if (tool === 'maven') return spawnSync('mvn', ['--version']).status === 0
  const { status, stderr } = spawnSync(javaCommand(), ['-version'], { encoding: 'utf8' })
  return status === 0 && javaMajor(stderr) >= oldestJava
}

/** The java in JAVA_HOME if that is set, else the one on the path. */
export function javaCommand(): string {
  const home = process.env['JAVA_HOME']
  const java = home ? join(home, 'bin', 'java') : ''
  return existsSync(java) ? java : 'java'
}

/** The major version in what `java -version` prints (`1.8.0` is 8); 0 if there is none. */
export function javaMajor(output: string): number {
  const [, first, second] = /version "(\d+)(?:\.(\d+))?/.exec(output) ?? []
  return Number((first === '1' ? second : first) ?? 0)
}
