/** Apicurio, a Schema Registry with Confluent's API; its schemas are kept in an H2 file. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { cachePath } from '../../../user-cache.ts'
import { fetchOnce } from '../cache.ts'
import { unpackArchive } from '../maven.ts'
import type { Part } from '../part.ts'
import { javaCommand } from '../tools.ts'

/** The last line that runs on Java 17. */
const version = '2.6.13.Final'

export const registry: Part = {
  name: 'registry',
  service: 'registry',

  needs: () => (existsSync(unpackedFolder()) ? ['jdk'] : ['jdk', 'maven']),

  async prepare(folder, port, onStep) {
    const unpacked = unpackedFolder()
    if (!existsSync(unpacked)) onStep(`registry: downloading Apicurio ${version} (142 MB, once) to ${unpacked}`)
    const artifact = `io.apicurio:apicurio-registry-app:${version}:tar.gz:all`
    await fetchOnce(unpacked, (partial) => unpackArchive(artifact, partial))
    const jar = join(unpacked, `apicurio-registry-app-${version}-runner.jar`)
    return {
      command: javaCommand(),
      args: ['-Xmx512m', '-XX:TieredStopAtLevel=1', '-jar', jar],
      env: {
        QUARKUS_HTTP_HOST: '127.0.0.1',
        QUARKUS_HTTP_PORT: String(port),
        // Its default of 20 connections costs most of its start.
        QUARKUS_DATASOURCE_JDBC_INITIAL_SIZE: '2',
        QUARKUS_DATASOURCE_JDBC_MIN_SIZE: '2',
        QUARKUS_LOG_LEVEL: 'WARN',
        REGISTRY_DATASOURCE_URL: `jdbc:h2:file:${join(folder, 'data', 'schemas')}`,
      },
    }
  },

  ports: (port) => [port],

  async probe(port) {
    const response = await fetch(`${registry.address(port)}/subjects`, { signal: AbortSignal.timeout(2_000) })
    if (!response.ok) throw new Error(`the registry answers ${response.status}`)
    await response.text()
    return version
  },

  address: (port) => `http://127.0.0.1:${port}/apis/ccompat/v7`,
}

function unpackedFolder(): string {
  return cachePath(`apicurio-${version}`)
}
