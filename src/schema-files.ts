import { readFileSync } from 'node:fs'

/** The schemas that come with the program. */

const folder = new URL('../../schemas/', import.meta.url)

export const readSchema = (name: string) => readFileSync(new URL(`${name}.avsc`, folder), 'utf8')

/** The schemas of all journal formats that may still be read, the newest last, for `journalCodec`. */
export const journalSchemas = (): string[] => [2, 3].map((format) => readSchema(`published/journal.v${format}`))
