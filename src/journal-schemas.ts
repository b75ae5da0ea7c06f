import { readFileSync } from 'node:fs'

const formats = [2, 3]

/** The schemas of the formats in which journals lie, the newest last, for `journalCodec`. */
export const journalSchemas = (): string[] =>
  formats.map((format) =>
    readFileSync(new URL(`../../schemas/published/journal.v${format}.avsc`, import.meta.url), 'utf8'),
  )
