import { performance } from 'node:perf_hooks'

/** How far a replay is, on stderr: on a terminal one line that is redrawn, else a plain line now and then. */
export interface Progress {
  /** `share` is the share of the files' bytes read so far, 0 to 1; undefined if not known. */
  update(lines: number, share: number | undefined): void
  /** Removes the line. @returns seconds since the start */
  end(): number
}

const terminalEveryMs = 100
const plainEveryMs = 5_000

/** The clock is only used to tell when to write and how fast it goes. */
export function openProgress(stderr: NodeJS.WritableStream & { readonly isTTY?: boolean }, silent: boolean): Progress {
  const startMs = performance.now()
  const everyMs = stderr.isTTY ? terminalEveryMs : plainEveryMs
  let writtenMs = startMs
  let written = false
  return {
    update(lines, share) {
      const nowMs = performance.now()
      if (silent || nowMs - writtenMs < everyMs) return
      writtenMs = nowMs
      written = true
      const rate = Math.round(lines / ((nowMs - startMs) / 1000)).toLocaleString('en-US')
      const percent = share === undefined ? '' : `${String(Math.floor(share * 100)).padStart(3)} %  `
      const text = `${percent}${lines.toLocaleString('en-US')} lines  ${rate}/s`
      stderr.write(stderr.isTTY ? `\r${bar(share)}${text}\u001b[K` : `${text}\n`)
    },
    end() {
      if (written && stderr.isTTY) stderr.write('\r\u001b[K')
      return (performance.now() - startMs) / 1000
    },
  }
}

const barWidth = 24

/** With a space after it; empty if the share is not known. */
export function bar(share: number | undefined): string {
  if (share === undefined) return ''
  const full = Math.round(share * barWidth)
  return `${'█'.repeat(full)}${'░'.repeat(barWidth - full)} `
}
