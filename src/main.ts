import { Command, CommanderError } from 'commander'
import { backfillCommand } from './cli/backfill.ts'
import { checkCommand } from './cli/check.ts'
import { coverageCommand } from './cli/coverage.ts'
import { demoCommand } from './cli/demo.ts'
import { deployCommand } from './cli/deploy.ts'
import { dlqCommand } from './cli/dlq.ts'
import { doctorCommand } from './cli/doctor.ts'
import { eraseCommand } from './cli/erase.ts'
import { eventsCommand } from './cli/events.ts'
import { exitCode, explainError } from './cli/exit.ts'
import { explainCommand } from './cli/explain.ts'
import { featuresCommand } from './cli/features.ts'
import { migrateCommand } from './cli/migrate.ts'
import { parityCommand } from './cli/parity.ts'
import { profileCommand } from './cli/profile.ts'
import { repartitionCommand } from './cli/repartition.ts'
import { replayCommand } from './cli/replay.ts'
import { runCommand } from './cli/run.ts'
import { stackCommand } from './cli/stack.ts'
import { testCommand } from './cli/test.ts'

/** The command line: each command is one file in `cli/` and one line here. */
const program = new Command('beckon')
  .description('Real-time next-best-action engine over Kafka and ClickHouse')
  .addCommand(runCommand())
  .addCommand(checkCommand())
  .addCommand(testCommand())
  .addCommand(deployCommand())
  .addCommand(replayCommand())
  .addCommand(eventsCommand())
  .addCommand(profileCommand())
  .addCommand(explainCommand())
  .addCommand(coverageCommand())
  .addCommand(parityCommand())
  .addCommand(featuresCommand())
  .addCommand(backfillCommand())
  .addCommand(dlqCommand())
  .addCommand(eraseCommand())
  .addCommand(doctorCommand())
  .addCommand(migrateCommand())
  .addCommand(repartitionCommand())
  .addCommand(stackCommand())
  .addCommand(demoCommand())

/** So that wrong usage ends with our exit code, on every level of commands. */
function throwErrors(command: Command): void {
  command.exitOverride()
  for (const inner of command.commands) throwErrors(inner)
}
throwErrors(program)

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
