import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const folder = fileURLToPath(new URL('../../../shared/data/', import.meta.url))

/** Why tests of real data are skipped: a clone need not have that folder beside it. */
export const noSharedData = !existsSync(folder) && '../shared/data is missing'

/** The path of a file or folder of `../shared/data`. */
export const sharedData = (name: string): string => `${folder}${name}`
