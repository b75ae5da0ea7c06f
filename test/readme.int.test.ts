import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import kafkajs from 'kafkajs'
import { parse } from 'yaml'
import { z } from 'zod'
import { configSchema } from '../src/config/schema.ts'
import { Scope, type Variable } from '../src/expressions/expression.ts'
import { actionVariables, eventVariables, type Moment } from '../src/features/moment.ts'
import { createMetrics } from '../src/ops/metrics.ts'
import { connectClickHouse } from '../src/store/clickhouse/client.ts'
import { testOptions } from '../src/store/clickhouse/test-database.ts'
import { freePort } from '../src/tools/stack/ports.ts'
import { missingTools } from '../src/tools/stack/stack.ts'
import { skip, until } from './harness.ts'

/**
 * The README and the guide as their reader meets them: every file that they show is written, and every command is run, in
 * their order, in a folder that looks like a clone. What they show of an output has to come; `…` stands for anything.
 * Only the addresses and the name `myshop` are replaced, since the servers are shared.
 */

const root = fileURLToPath(new URL('../..', import.meta.url))

/** Commands that another test runs, or CI: where, and what is to be found there. */
const ranElsewhere: Readonly<Record<string, readonly [file: string, trace: RegExp]>> = {
  'npm run demo': ['test/demo.int.test.ts', /'demo'/],
  'npm run demo -- --events 3000': ['test/demo.int.test.ts', /'--events'/],
  'npm test': ['.ci/run', /^npm test/m],
  'npm run check': ['.ci/run', /^npm run .*check/m],
  'npm run faults': ['test/faults/short.int.test.ts', /runChaos\(/],
  'npm run crossings': ['test/crossings/crossings.int.test.ts', /playCrossings\(/],
  'npm run bench -- --json': ['test/readme.int.test.ts', /dist\/bench\/main\.js/],
  'npx beckon': ['package.json', /"beckon": "bin\/beckon\.js"/],
  'node bin/setup.js --build': ['package.json', /"test": "node bin\/setup\.js --build/],
  'node bin/beckon.js stack up': ['src/tools/stack/stack.int.test.ts', /startStack\(/],
  'node bin/beckon.js stack down --wipe': ['src/tools/stack/stack.int.test.ts', /wipe: true/],
}

/** They run until they are told to end. */
const untilEnded = /beckon\.js run |consumer\.js$/

/** ClickHouse follows behind the stream, so what it is asked may come a moment later. */
const comesLater = /beckon\.js profile /

type Step =
  | { readonly kind: 'file'; readonly path: string; readonly text: string }
  | { readonly kind: 'run'; readonly command: string; readonly shown: string | undefined }

/** The files and commands of a page, in its order. */
function stepsOf(page: string): Step[] {
  const steps: Step[] = []
  for (const [, language, text] of page.matchAll(/^```(\w*)\n([\s\S]*?)^```$/gm)) {
    if (language === 'yaml' || language === 'js') {
      const path = /^(?:#|\/\/) (\S+\/\S+)$/m.exec(text!)?.[1]
      assert.ok(path && text!.indexOf(path) < 5, `a block of ${language} begins with the name of its file:\n${text}`)
      steps.push({ kind: 'file', path, text: text! })
    } else if (language === 'console') {
      for (const part of text!.split(/^\$ /m).slice(1)) {
        const [command, ...shown] = part.split('\n')
        steps.push({ kind: 'run', command: command!, shown: shown.join('\n').trimEnd() })
      }
    } else if (language === 'sh') {
      // A text that is piped into a file is one command with it.
      const commands = text!.match(/^.*<<'(\w+)'.*\n[\s\S]*?^\1$|^.+$/gm) ?? []
      for (const command of commands) {
        steps.push({ kind: 'run', command: command.replace(/\s+# .*$/, ''), shown: undefined })
      }
    } else {
      assert.ok(language === '' || language === 'sql', `nobody knows what a block of ${language} is for`)
    }
  }
  return steps
}

function matches(shown: string, output: string): boolean {
  const pattern = shown
    .split('\n')
    .map((line) => (line === '…' ? '[\\s\\S]*' : `${line.split('…').map(literal).join('.*')}\n`))
    .join('')
  return new RegExp(`^${pattern}$`).test(`${output.trimEnd()}\n`)
}

const literal = (text: string) => text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')

const read = (path: string) => readFileSync(join(root, path), 'utf8')
const pages = ['README.md', 'docs/guide.md'].map(read)

describe('the README', () => {
  it('has no command that nobody runs', () => {
    const all = pages.flatMap(stepsOf).flatMap((step) => (step.kind === 'run' ? [step.command] : []))
    for (const [command, [file, trace]] of Object.entries(ranElsewhere)) {
      assert.match(read(file), trace, `${command} is to be found in ${file}`)
    }
    for (const [, inline] of pages.join('').matchAll(/`((?:npm|npx|node|docker|curl|git) [^`\n]+)`/g)) {
      const isRun = inline! in ranElsewhere || all.some((command) => command.startsWith(inline!))
      assert.ok(isRun, `${inline} is shown, and nobody runs it`)
    }
  })

  it('shows the apps that are in examples/connect', () => {
    const body = (text: string) => text.slice(text.indexOf('\n'))
    const apps = stepsOf(pages[0]!).filter((step) => step.kind === 'file' && step.path.endsWith('.js'))
    assert.equal(apps.length, 2)
    for (const app of apps) {
      assert.ok(app.kind === 'file')
      assert.equal(body(app.text), body(read(app.path)), app.path)
    }
  })
})

describe('the commands of the README and of the guide', { skip }, () => {
  const kafka = process.env['BECKON_TEST_KAFKA']!
  const clickhouse = process.env['BECKON_TEST_CLICKHOUSE']!
  const shop = `readme${randomBytes(5).toString('hex')}`
  const folder = mkdtempSync(join(tmpdir(), 'beckon-readme-'))
  const running: ChildProcess[] = []

  after(async () => {
    await Promise.all(running.map(end))
    const admin = new kafkajs.Kafka({ brokers: [kafka], logLevel: kafkajs.logLevel.NOTHING }).admin()
    await admin.connect()
    const ours = (name: string) => name.startsWith(shop)
    await admin.deleteTopics({ topics: (await admin.listTopics()).filter(ours) })
    const { groups } = await admin.listGroups()
    // One that still has a member goes by itself.
    await admin.deleteGroups(groups.map(({ groupId }) => groupId).filter(ours)).catch(() => undefined)
    await admin.disconnect()
    const server = connectClickHouse({ ...testOptions(), database: 'default' })
    await server.command({ query: `DROP DATABASE IF EXISTS ${shop} SYNC` })
    await server.close()
    rmSync(folder, { recursive: true, force: true })
  })

  it('do what they say', async () => {
    for (const name of ['bin', 'node_modules', 'package.json']) symlinkSync(join(root, name), join(folder, name))
    cpSync(join(root, 'examples'), join(folder, 'examples'), { recursive: true })
    mkdirSync(join(folder, shop))
    const metrics = await freePort()
    const ownNames = (page: string) =>
      page
        .replaceAll('myshop', shop)
        .replaceAll('localhost:9092', kafka)
        .replaceAll('http://localhost:8123', clickhouse)
        .replaceAll('localhost:9464', `127.0.0.1:${metrics}`)
    const env: NodeJS.ProcessEnv = { ...process.env, BECKON_OPS__PORT: String(metrics) }
    for (const name of Object.keys(env)) {
      if (name === 'BECKON_CONFIG' || (/^BECKON_.+__/.test(name) && name !== 'BECKON_OPS__PORT')) delete env[name]
    }

    for (const step of pages.flatMap((page) => stepsOf(ownNames(page)))) {
      if (step.kind === 'file') {
        mkdirSync(dirname(join(folder, step.path)), { recursive: true })
        writeFileSync(join(folder, step.path), step.text)
      } else if (!(step.command in ranElsewhere)) {
        await runStep(step, env)
        if (/beckon\.js run /.test(step.command)) await until('the service is ready', () => isReady(metrics))
      }
    }
  })

  async function runStep({ command, shown }: Extract<Step, { kind: 'run' }>, env: NodeJS.ProcessEnv): Promise<void> {
    if (command.startsWith('curl ')) {
      const answer = await fetch(`http://${command.split(' ').at(-1)}`)
      return assert.equal(answer.status, 200, command)
    }
    if (untilEnded.test(command)) {
      const started = start(command, env)
      running.push(started.child)
      if (shown === undefined) return
      return until(`${command} shows\n${shown}`, () => matches(shown, started.output()))
    }
    if (comesLater.test(command)) {
      return until(`${command} shows\n${shown}`, async () => {
        const { code, output } = await finish(command, env)
        return code === 0 && matches(shown!, output)
      })
    }
    const { code, output } = await finish(command, env)
    assert.equal(code, 0, `${command} ended with ${code}:\n${output}`)
    if (shown !== undefined) assert.ok(matches(shown, output), `${command} is to show\n${shown}\nand shows\n${output}`)
  }

  function start(command: string, env: NodeJS.ProcessEnv) {
    const child = spawn('bash', ['-c', `exec 2>&1; ${untilEnded.test(command) ? 'exec ' : ''}${command}`], {
      cwd: folder,
      env,
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    let output = ''
    child.stdout.on('data', (chunk) => {
      output += chunk
    })
    return { child, output: () => output }
  }

  async function finish(command: string, env: NodeJS.ProcessEnv): Promise<{ code: number; output: string }> {
    const { child, output } = start(command, env)
    const [code] = await once(child, 'close')
    return { code: code as number, output: output() }
  }
})

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGTERM')
  await once(child, 'close')
}

async function isReady(port: number): Promise<boolean> {
  const answer = await fetch(`http://127.0.0.1:${port}/readyz`).catch(() => undefined)
  return answer?.ok === true
}

const noStack = Object.values(missingTools()).includes(true) && !process.env['CI'] && 'needs Java 17, Maven and chdb'

it('the benchmark prints its figures, here of a short run', { skip: noStack }, async () => {
  const program = join(root, 'dist/bench/main.js')
  const child = spawn(process.execPath, [program, '--json', '--events', '20000', '--rounds', '1'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let output = ''
  child.stdout.on('data', (chunk) => {
    output += chunk
  })
  const [code] = await once(child, 'close')
  assert.equal(code, 0)
  const figures = output
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { figure: string; value: number })
  for (const what of ['events_per_second', 'events_per_cpu_second', 'peak_mb']) {
    for (const of of ['service', 'bare_loop']) {
      const figure = figures.find((one) => one.figure === `${of}_${what}`)
      assert.ok(figure !== undefined && figure.value > 0, `${of}_${what}`)
    }
  }
})

describe('the documentation', () => {
  const folders = ['docs', 'docs/decisions', 'examples', '.']
  const files = folders.flatMap((folder) =>
    readdirSync(join(root, folder))
      .filter((name) => name.endsWith('.md'))
      .map((name) => join(folder, name)),
  )
  /** The headings of a page, as GitHub makes anchors of them. */
  const anchorsOf = (page: string) =>
    new Set(
      [...page.matchAll(/^#+ (.+)$/gm)].map(([, title]) =>
        title!
          .toLowerCase()
          .replace(/[^\p{L}\p{N}_ -]/gu, '')
          .replaceAll(' ', '-'),
      ),
    )
  const withoutCode = (page: string) => page.replace(/^```[\s\S]*?^```$/gm, '').replace(/`[^`\n]*`/g, '`')
  const says = (page: string, word: string) => page.includes(`\`${word}\``)

  it('links to files and sections that there are', () => {
    for (const file of files) {
      for (const [, target] of withoutCode(read(file)).matchAll(/\]\(([^)\s]+)\)/g)) {
        if (/^[a-z]+:/.test(target!)) continue
        const [path = '', anchor] = target!.split('#')
        const found = path === '' ? file : join(dirname(file), path)
        assert.ok(existsSync(join(root, found)), `${file} links to ${target}`)
        if (anchor !== undefined) assert.ok(anchorsOf(read(found)).has(anchor), `${file} links to ${target}`)
      }
    }
  })

  it('lists every page', () => {
    const index = read('docs/README.md')
    for (const name of readdirSync(join(root, 'docs'))) {
      if (name !== 'README.md') assert.ok(index.includes(`](${name}`), name)
    }
  })

  it('names commands that there are', () => {
    const commands = read('src/main.ts').matchAll(/addCommand\((\w+)Command\(\)\)/g)
    const known = new Set([...commands].map(([, name]) => name))
    for (const file of files.filter((name) => !name.startsWith('CHANGELOG'))) {
      for (const [, name] of read(file).matchAll(/`beckon ([a-z]+)/g)) assert.ok(known.has(name), `${file}: ${name}`)
    }
  })

  it('describes every key of the configuration in its section', () => {
    const page = read('docs/configuration.md')
    const schema = z.toJSONSchema(configSchema, { io: 'input', unrepresentable: 'any' }) as JsonSchema
    for (const [section, inner] of Object.entries(schema.properties!)) {
      const text = page.split(`\n## \`${section}\`\n`)[1]?.split('\n## ')[0]
      assert.ok(text !== undefined, `a section ${section}`)
      for (const key of keysOf(inner)) assert.ok(says(text, key), `${section}: ${key}`)
    }
  })

  it('shows configurations that can be loaded', () => {
    const base = { kafka: { brokers: ['a:1'] }, clickhouse: { url: 'http://a' }, topics: [{ name: 'a' }] }
    const isConfig = (value: unknown) => Object.keys(value ?? {}).every((key) => key in configSchema.shape)
    for (const file of files) {
      for (const [, text] of read(file).matchAll(/^```yaml\n([\s\S]*?)^```$/gm)) {
        const value = parse(text!) as Record<string, unknown>
        if (!isConfig(value)) continue
        const { error } = configSchema.safeParse({ ...base, ...value })
        assert.equal(error, undefined, `${file}:\n${text}`)
      }
    }
  })

  it('describes every variable of expressions, and shows expressions that compile', () => {
    const page = read('docs/expressions.md')
    for (const { name } of [...eventVariables, ...actionVariables]) assert.ok(says(page, name), name)
    const features: Variable<Moment>[] = [{ name: 'views_5m', type: 'int', read: () => 0 }]
    const scope = new Scope([...actionVariables, ...features])
    const [, examples] = /^```cel\n([\s\S]*?)^```$/m.exec(page)!
    for (const line of examples!.trim().split('\n')) assert.equal(scope.compile(line).type, 'bool', line)
  })

  it('describes every kind of feature', () => {
    const page = read('docs/features.md')
    const fault = configSchema.shape.features.safeParse([{ name: 'a', window: 'session' }]).error!.issues[0]!.message
    const kinds = /one of (.+); found none/.exec(fault)![1]!.split(', ')
    assert.ok(kinds.length > 5)
    const [, bounds] = /\*\*Bounds\.\*\*([\s\S]*?)\*\*/.exec(page)!
    for (const kind of kinds) {
      assert.match(page, new RegExp(`^\\|.*\`${kind}: `, 'm'), kind)
      // A computed feature keeps nothing.
      if (kind !== 'value') assert.ok(says(bounds!, kind), `what a pane of ${kind} takes`)
    }
  })

  it('describes every metric with its labels', async () => {
    const page = read('docs/operating.md')
    for (const metric of await createMetrics([], [], [], false).registry.getMetricsAsArray()) {
      const { name, labelNames } = metric as unknown as { name: string; labelNames: string[] }
      assert.ok(says(page, labelNames.length === 0 ? name : `${name}{${labelNames.join(',')}}`), name)
    }
  })
})

interface JsonSchema {
  readonly properties?: Readonly<Record<string, JsonSchema>>
  readonly anyOf?: readonly JsonSchema[]
  readonly items?: JsonSchema
}

/** The innermost keys of a section, by their path; the ways to say a field of a mapping are no keys of their own. */
/** It is described once, whole: `{ actions: [], groups: [], tags: [], channels: [] }`. */
const isSelector = ({ properties }: JsonSchema) =>
  Object.keys(properties ?? {}).join() === 'actions,groups,tags,channels'

function keysOf({ properties = {}, anyOf = [], items }: JsonSchema): string[] {
  const own = Object.entries(properties).flatMap(([key, inner]) => {
    const below = key === 'mapping' ? Object.keys(inner.properties!) : isSelector(inner) ? [] : keysOf(inner)
    return below.length === 0 ? [key] : below.map((path) => `${key}.${path}`)
  })
  return [...own, ...[...anyOf, ...(items ? [items] : [])].flatMap(keysOf)]
}
