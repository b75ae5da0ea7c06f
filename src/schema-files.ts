import { readFileSync } from 'node:fs'

/** The schemas that come with the program. */

const folder = new URL('../../schemas/', import.meta.url)

export const readSchema = (name: string) => readFileSync(new URL(`${name}.avsc`, folder), 'utf8')

/** Of the formats in which journals lie, the newest last, for `journalCodec`. */
export const journalSchemas = (): string[] => [2, 3].map((format) => readSchema(`published/journal.v${format}`))
