// Makes a fresh clone ready: installs the packages that are missing, and with --build compiles what has changed.
// Plain JavaScript without dependencies, since it runs before there are any.
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, rmSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
if (major < 20 || (major === 20 && minor < 19)) {
  console.error(`beckon needs Node 20.19 or later; this is ${process.versions.node}.`)
  process.exit(2)
}

/** Runs a program to its end; its output goes to stderr, so that stdout stays for the command's own lines. */
function run(what, command, args) {
  console.error(`beckon: ${what}`)
  const { status } = spawnSync(command, args, {
    cwd: root,
    stdio: ['ignore', 2, 2],
    shell: process.platform === 'win32',
  })
  if (status !== 0) {
    console.error(`beckon: ${what} failed; see the lines above.`)
    process.exit(1)
  }
}

/** The newest change below a folder, ms since 1970; 0 where there is none. */
function newest(path) {
  if (!existsSync(path)) return 0
  const stat = statSync(path)
  if (!stat.isDirectory()) return stat.mtimeMs
  return Math.max(0, ...readdirSync(path).map((name) => newest(join(path, name))))
}

const installed = join(root, 'node_modules', '.package-lock.json')
if (newest(installed) < newest(join(root, 'package-lock.json'))) {
  run('installing packages (npm ci)', 'npm', ['ci', '--ignore-scripts', '--no-fund', '--no-audit', '--loglevel=error'])
}
if (process.argv.includes('--build')) {
  const stamp = join(root, 'dist', 'src', 'main.js')
  const sources = ['src', 'test', 'bench', 'tsconfig.json', 'package-lock.json'].map((name) => newest(join(root, name)))
  if (newest(stamp) < Math.max(...sources)) {
    rmSync(join(root, 'dist'), { recursive: true, force: true })
    run('compiling (tsc)', process.execPath, [
      join(root, 'node_modules', 'typescript', 'bin', 'tsc'),
      '-p',
      'tsconfig.json',
    ])
  }
}
