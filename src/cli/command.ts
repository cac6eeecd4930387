import type { ExitCode } from './exit-code.js'
import type { OpenStore } from './open-store.js'
import type { StoreAddress } from './store-address.js'
import type { Terminal } from './terminal.js'

/** An option of a command, such as `--id <text>`. */
export interface Option {
  readonly flags: string
  readonly meaning: string
  /** May be given more than once. */
  readonly many?: true
}

/** Options as they were given, by their names in camel case. */
export type Options = Readonly<Record<string, string | boolean | readonly string[] | undefined>>

/** What a command works with. */
export interface Input {
  readonly args: readonly string[]
  readonly options: Options
  readonly terminal: Terminal
  /** Where the store is, as the options or the environment say. @throws CliError `usage` */
  readonly address: () => StoreAddress
  /** Opens the store; it is closed when the command ends. `create`: make what is not there. */
  readonly open: (how?: { readonly create?: boolean }) => Promise<OpenStore>
  /** What to do when it ends before it answers: it is told with the error. */
  readonly ifUnanswered: (hint: string) => void
}

/** What a command has to say: lines for people, a value for programs. */
export interface Answer {
  readonly lines: readonly string[]
  readonly json: object
  readonly exitCode?: ExitCode
}

/** One command: its words, what it takes, what it does. */
export interface CliCommand {
  readonly name: string
  readonly summary: string
  /** Arguments, as `<name>` or `[name]`, and what they mean. */
  readonly takes?: ReadonlyArray<readonly [name: string, meaning: string]>
  readonly options: readonly Option[]
  /** Command lines that work. */
  readonly examples: readonly string[]
  /** Without an answer it has written everything itself. */
  run(input: Input): Promise<Answer | undefined>
}

/** Options of each command that needs a store. */
export const STORE_OPTIONS: readonly Option[] = [
  {
    flags: '--store <address>',
    meaning: 'sqlite:FILE, postgres://… or redis://…; MCP_BUDGET_STORE by default, and always with a password',
  },
  { flags: '--schema <name>', meaning: 'the schema in PostgreSQL; mcp_budget by default' },
  { flags: '--prefix <text>', meaning: 'what keys in Redis begin with; mcp-budget: by default' },
]

/** Options of every command. */
export const COMMON_OPTIONS: readonly Option[] = [
  { flags: '--json', meaning: 'answer with one JSON value, errors too' },
  { flags: '--debug', meaning: 'show where an error comes from' },
]

/** An option that takes a text, or undefined. */
export function text(options: Options, name: string): string | undefined {
  const value = options[name]
  return typeof value === 'string' ? value : undefined
}

/** An option that may be given more than once. */
export function texts(options: Options, name: string): readonly string[] | undefined {
  const value = options[name]
  return Array.isArray(value) ? (value as readonly string[]) : undefined
}
