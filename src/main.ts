import { Command, CommanderError } from 'commander'
import { checkCommand } from './cli/check.ts'
import { exitCode, explainError } from './cli/exit.ts'
import { runCommand } from './cli/run.ts'
import { stackCommand } from './cli/stack.ts'

/** The command line: each command is one file in `cli/` and one line here. */
const program = new Command('beckon')
  .description('Real-time next-best-action engine over Kafka and ClickHouse')
  .exitOverride()
  .addCommand(runCommand())
  .addCommand(checkCommand())
  .addCommand(stackCommand())

for (const command of program.commands) command.exitOverride()

try {
  await program.parseAsync()
} catch (error) {
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? exitCode.done : exitCode.usage
  } else {
    const { message, code } = explainError(error)
    console.error(`beckon: ${message}`)
    process.exitCode = code
  }
}
