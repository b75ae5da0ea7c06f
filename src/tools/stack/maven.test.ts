import assert from 'node:assert/strict'
import { it } from 'node:test'
import { pomOf } from './maven.ts'

it('writes a project with one dependency for each artifact', () => {
  const pom = pomOf(['org.example:one_2.13:4.1.0', 'org.example:two:1.7.36'])
  const dependencies = [
    ...pom.matchAll(/<groupId>([^<]+)<\/groupId><artifactId>([^<]+)<\/artifactId><version>([^<]+)/g),
  ]
  assert.deepEqual(
    dependencies.map(([, ...parts]) => parts.join(':')),
    ['beckon:stack:1', 'org.example:one_2.13:4.1.0', 'org.example:two:1.7.36'],
  )
})
