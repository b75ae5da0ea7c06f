import { readdirSync } from 'node:fs'
import { join, relative } from 'node:path'
import { Command } from 'commander'
import { ConfigError, type Fault } from '../config/fault.ts'
import { formatFailure } from '../tools/replay/rules/report.ts'
import { type RuleFile, readRuleFile } from '../tools/replay/rules/rule-file.ts'
import { runCase } from '../tools/replay/rules/run-case.ts'
import { CommandError, exitCode } from './exit.ts'

export function testCommand(): Command {
  return new Command('test')
    .description('rule tests: given events, at a time, then actions and reasons; talks to nothing')
    .argument('<dir>', 'the folder whose *.test.yaml to run, with the folders in it')
    .option('--json', 'one JSON line a case, and one of totals last')
    .action(runTests)
}

function runTests(dir: string, { json }: { json?: true }): void {
  const files = readAll(findFiles(dir))
  let passed = 0
  let failed = 0
  for (const file of files) {
    for (const one of file.cases) {
      const mismatches = runCase(file, one)
      const ok = mismatches.length === 0
      if (ok) passed++
      else failed++
      const { name, line } = one
      if (json) console.log(JSON.stringify({ file: file.name, line, name, ok, mismatches }))
      else if (ok) console.log(`ok      ${file.name}:${line}  ${name}`)
      else console.log(formatFailure(file, one, mismatches))
    }
  }
  if (json) console.log(JSON.stringify({ summary: true, files: files.length, passed, failed }))
  else console.log(`\n${passed} passed, ${failed} failed`)
  if (failed > 0) process.exitCode = exitCode.failed
}

function findFiles(dir: string): string[] {
  let names: string[]
  try {
    names = readdirSync(dir, { recursive: true, encoding: 'utf8' })
  } catch {
    throw new CommandError(
      `${dir}: not a folder that can be read; give a folder with files called *.test.yaml`,
      exitCode.usage,
    )
  }
  const files = names.filter((name) => name.endsWith('.test.yaml')).sort()
  if (files.length === 0) throw new CommandError(`no file in ${dir} is called *.test.yaml, so nothing was tested`)
  return files.map((name) => relative('', join(dir, name)))
}

/** Reads all files; if there are faults, throws those of all files together. */
function readAll(names: readonly string[]): RuleFile[] {
  const faults: Fault[] = []
  const files = names.flatMap((name) => {
    try {
      return readRuleFile(name)
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error
      faults.push(...error.faults)
      return []
    }
  })
  if (faults.length > 0)
    throw new ConfigError([...new Map(faults.map((fault) => [JSON.stringify(fault), fault])).values()])
  return files
}
