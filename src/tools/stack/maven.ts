/** Maven as a downloader: what it fetches is verified against the repository's checksums. */
import { spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { StackError } from './stack-error.ts'

const plugin = 'org.apache.maven.plugins:maven-dependency-plugin:3.8.1'

/** Copies the artifacts (`group:name:version`) and all that they need into `folder`. */
export async function copyJars(artifacts: readonly string[], folder: string): Promise<void> {
  writeFileSync(join(folder, 'pom.xml'), pomOf(artifacts))
  await maven(folder, `${plugin}:copy-dependencies`, `-DoutputDirectory=${folder}`, '-DincludeScope=runtime')
}

/** Unpacks one archive (`group:name:version:type:classifier`) into `folder`. */
export async function unpackArchive(artifact: string, folder: string): Promise<void> {
  await maven(folder, `${plugin}:unpack`, `-Dartifact=${artifact}`, `-DoutputDirectory=${folder}`)
}

/** A project that has nothing but those dependencies. */
export function pomOf(artifacts: readonly string[]): string {
  const dependencies = artifacts.map((artifact) => {
    const [group, name, version] = artifact.split(':')
    return `<dependency><groupId>${group}</groupId><artifactId>${name}</artifactId><version>${version}</version></dependency>`
  })
  return [
    '<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>',
    '<groupId>beckon</groupId><artifactId>stack</artifactId><version>1</version>',
    `<dependencies>${dependencies.join('\n')}</dependencies></project>\n`,
  ].join('\n')
}

async function maven(folder: string, ...args: readonly string[]): Promise<void> {
  const child = spawn('mvn', ['--batch-mode', '--quiet', '--strict-checksums', ...args], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  const keep = (chunk: Buffer) => {
    output = (output + chunk.toString()).slice(-4_000)
  }
  child.stdout.on('data', keep)
  child.stderr.on('data', keep)
  const status = await new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', resolve)
  })
  if (status !== 0) throw new StackError('failed', `Maven could not download it:\n${output.trim()}`)
}
