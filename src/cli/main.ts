#!/usr/bin/env node
import { COMMANDS } from './commands.js'
import { EXIT } from './exit-code.js'
import { processTerminal } from './terminal.js'
import { run } from './run.js'

const terminal = processTerminal()

// Such as that `node:sqlite` is experimental: nothing that whoever typed this can change.
process.removeAllListeners('warning')
// `| head` has seen enough. What was not written is lost, so this must not look like success.
process.stdout.on('error', ({ code }: NodeJS.ErrnoException) =>
  process.exit(code === 'EPIPE' ? EXIT.closedPipe : EXIT.failed),
)

const command = run(process.argv.slice(2), terminal, COMMANDS)
const signals = [
  ['SIGINT', EXIT.interrupted],
  ['SIGTERM', EXIT.terminated],
] as const
for (const [signal, exitCode] of signals) {
  process.once(signal, () => {
    terminal.progress()
    command.interrupt()
    process.exit(exitCode)
  })
}
process.exitCode = await command.done
