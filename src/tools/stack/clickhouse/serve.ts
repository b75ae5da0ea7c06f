/**
 * The process that is ClickHouse: `node serve.js <folder> <port>`. chdb's library holds a whole `clickhouse local`,
 * which can be told to serve HTTP and then runs for as long as its last query reads. That query reads a named pipe
 * whose writing end this process keeps; SIGTERM closes it, so the query ends and ClickHouse shuts its tables down
 * in order. However else the process ends, the pipe ends with it, so nothing stays behind.
 */
import { execFileSync } from 'node:child_process'
import { closeSync, constants, existsSync, openSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { getPriority, setPriority } from 'node:os'
import { join } from 'node:path'
import { chdbLibrary } from './library.ts'

/** The part of ffi-rs that is used; its own types are missing where the optional package is. */
interface Ffi {
  readonly DataType: { readonly I32: number; readonly StringArray: number }
  open(options: { library: string; path: string }): void
  load(options: {
    library: string
    funcName: string
    retType: number
    paramsType: readonly number[]
    paramsValue: readonly unknown[]
    runInNewThread: true
  }): Promise<unknown>
}

const [, , folder = '', port = ''] = process.argv
giveWay()
const ffi = createRequire(import.meta.url)('ffi-rs') as Ffi
const pipe = join(folder, 'stop')
if (!existsSync(pipe)) execFileSync('mkfifo', ['-m', '600', pipe])
// Opened for both directions, since a pipe opened for writing only waits for its reader.
const writingEnd = openSync(pipe, constants.O_RDWR)

let stopping = false
process.on('SIGTERM', () => {
  if (!stopping) closeSync(writingEnd)
  stopping = true
})

const args = [
  'clickhouse',
  `--path=${join(folder, 'data')}`,
  `--config-file=${join(folder, 'config.xml')}`,
  `--http_port=${port}`,
  '--listen_host=127.0.0.1',
  `--query=SYSTEM START LISTEN HTTP; SELECT * FROM file('${pipe.replaceAll(/[\\']/g, '\\$&')}', LineAsString) FORMAT Null`,
]
ffi.open({ library: 'chdb', path: chdbLibrary() ?? '' })
// In a thread of its own, or this one would never see the signal. The number it returns says nothing.
await ffi.load({
  library: 'chdb',
  funcName: 'chdb_query_cmdline',
  retType: ffi.DataType.I32,
  paramsType: [ffi.DataType.I32, ffi.DataType.StringArray],
  paramsValue: [args.length, args],
  runInNewThread: true,
})
process.exit(stopping ? 0 : 1)

/**
 * Rows are stored behind the stream, so where all share one machine the service goes first; ClickHouse takes what is left.
 * To be called before it starts its threads, which inherit the priority.
 */
function giveWay(): void {
  // Who is lower already stays there: nobody but root may be raised.
  const niceness = Math.max(getPriority(), 10)
  setPriority(niceness)
  try {
    // Linux may weigh whole sessions against each other, and priorities only within one; this session is our own.
    writeFileSync('/proc/self/autogroup', String(niceness))
  } catch {
    // Another system, or one without such groups.
  }
}
