import { Command, CommanderError, Option as CommanderOption } from 'commander'
import { createRequire } from 'node:module'
import { usage } from './cli-error.js'
import { COMMON_OPTIONS, type CliCommand, type Options } from './command.js'

/** What was typed: a command, or a text to show. */
export type Parsed =
  | { readonly command: CliCommand; readonly args: readonly string[]; readonly options: Options }
  | { readonly text: string; readonly isHelp: boolean }

const GROUPS: Readonly<Record<string, string>> = {
  budget: 'see and change budgets',
  ledger: 'prove, export and sum up the ledger',
  token: 'make, narrow and read tokens',
}

const INTRO = `Budgets, ledgers and tokens of mcp-budget, from the command line.

The store is named by MCP_BUDGET_STORE, or by --store:
  sqlite:budgets.db
  postgres://user@host:5432/database
  redis://host:6379`

/**
 * Reads a command line.
 *
 * @throws CliError `usage`
 */
export async function parse(argv: readonly string[], commands: readonly CliCommand[]): Promise<Parsed> {
  let parsed: Parsed | undefined
  let written = ''
  const program = programOf(commands, (found) => (parsed = found))
  for (const each of withChildren(program)) {
    each.exitOverride()
    each.configureOutput({
      writeOut: (text) => (written += text),
      writeErr: (text) => (written += text),
      outputError: () => {},
    })
  }
  try {
    await program.parseAsync(argv, { from: 'user' })
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    if (written !== '') return { text: written, isHelp: error.exitCode === 0 }
    throw usage(mistakeOf(error.message), 'Add `--help` to see how it is used')
  }
  return parsed ?? { text: program.helpInformation(), isHelp: false }
}

/** The whole program. `onCommand` is told what was typed. */
export function programOf(
  commands: readonly CliCommand[],
  onCommand: (parsed: Extract<Parsed, { command: CliCommand }>) => void = () => {},
): Command {
  const { version } = createRequire(import.meta.url)('mcp-budget/package.json') as { readonly version: string }
  const program = new Command('mcp-budget').description(INTRO).version(version, '--version', 'print the version')
  const options = { sortSubcommands: false, showGlobalOptions: false }
  program.configureHelp(options).helpOption('-h, --help', 'show this').helpCommand(false)
  const groups = new Map<string, Command>()
  for (const command of commands) {
    const [first = '', second] = command.name.split(' ')
    const group = second === undefined ? program : (groups.get(first) ?? program.command(first))
    if (second !== undefined) groups.set(first, group.description(GROUPS[first] ?? '').helpCommand(false))
    add(group.command(second ?? first), command, onCommand)
  }
  return program
}

function add(
  to: Command,
  command: CliCommand,
  onCommand: (parsed: Extract<Parsed, { command: CliCommand }>) => void,
): void {
  to.description(command.summary)
  for (const [name, meaning] of command.takes ?? []) to.argument(name, meaning)
  for (const { flags, meaning, many } of [...command.options, ...COMMON_OPTIONS]) {
    const option = new CommanderOption(flags, meaning)
    if (many) option.argParser((value: string, before: readonly string[] = []) => [...before, value])
    to.addOption(option)
  }
  to.addHelpText('after', `\nExamples:\n${command.examples.map((each) => `  ${each}\n`).join('')}`)
  to.action(() => onCommand({ command, args: to.args, options: to.opts() }))
}

function withChildren(command: Command): readonly Command[] {
  return [command, ...command.commands.flatMap(withChildren)]
}

/** In one line, and without values: one may be a secret that was put in the wrong place. */
function mistakeOf(message: string): string {
  const line = message.replace(/^error: /, '').replaceAll('\n', ' ')
  const safe = line.replace(/'(--?[\w-]{1,32})=[^']*'/, "'$1'").replace(/'[^' ]{33,}'/g, 'of that name')
  return `${safe.charAt(0).toUpperCase()}${safe.slice(1)}`
}
