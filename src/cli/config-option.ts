import { Option } from 'commander'
import { readConfig } from '../config/load.ts'
import { compileEngine, type Engine } from '../engine.ts'

/** `--config FILE`, for every command that needs the configuration. */
export const configOption = () =>
  new Option('-c, --config <file>', 'the configuration').default('beckon.yaml').env('BECKON_CONFIG')

/** Loads and compiles the configuration. @throws ConfigError with all faults at once */
export const openEngine = (file: string, other?: string): Engine => compileEngine(readConfig(file, process.env, other))
