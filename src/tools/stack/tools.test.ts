import assert from 'node:assert/strict'
import { it } from 'node:test'
import { javaMajor, mendOf } from './tools.ts'

it('reads the major version of every way in which Java prints it', () => {
  const cases: [string, number][] = [
    ['openjdk version "17.0.15" 2025-04-15\nOpenJDK Runtime Environment', 17],
    ['java version "1.8.0_402"\nJava(TM) SE Runtime Environment', 8],
    ['openjdk version "21" 2023-09-19', 21],
    ['Picked up JAVA_TOOL_OPTIONS: -Xmx1g\nopenjdk version "25-ea" 2025-09-16', 25],
    ['The operation could not be completed. Unable to locate a Java Runtime.', 0],
    ['', 0],
  ]
  for (const [output, major] of cases) assert.equal(javaMajor(output), major, output)
})

it('says for every tool what to install', () => {
  assert.match(mendOf('jdk'), /Java 17 or later.*apt-get install default-jre-headless.*brew install openjdk.*JAVA_HOME/)
  assert.match(mendOf('maven'), /apt-get install maven.*brew install maven/)
  assert.match(mendOf('chdb'), /npm install --include=optional.*docker compose up/)
})
