// A reporter for the test runner: each failed test as a block of text, with its file and its error, for the end of a long log.

/** @param {AsyncIterable<{ type: string, data: any }>} source what the runner reports */
export default async function* failures(source) {
  for await (const { type, data } of source) {
    const error = data.details?.error
    // A suite fails with its tests, and says nothing of its own then.
    if (type !== 'test:fail' || error?.failureType === 'subtestsFailed') continue
    const cause = error?.cause ?? error
    const said = String(cause?.stack ?? cause)
    yield `\nnot ok: ${data.name}\n  ${data.file}:${data.line}\n  ${said.slice(0, 4000).replaceAll('\n', '\n  ')}\n`
  }
}
