import { BudgetError } from 'mcp-budget'
import { CliError, usage } from './cli-error.js'
import { EXIT, type ExitCode } from './exit-code.js'
import { openStore } from './open-store.js'
import { printable, printableJson, printableLines } from './columns.js'
import { parse, type Parsed } from './program.js'
import { storeAddress } from './store-address.js'
import type { Answer, CliCommand, Input } from './command.js'
import type { OpenStore } from './open-store.js'
import type { Terminal } from './terminal.js'

/**
 * A command that runs.
 *
 * @property done how it ended; never rejects
 * @property interrupt says what to do about what was not answered, before the process ends
 */
export interface Running {
  readonly done: Promise<ExitCode>
  interrupt(): void
}

/** What only somebody who holds a token has. */
const TOKEN = /mcpb_[A-Za-z0-9_-]{16,}/

/** Mistakes in what was typed. */
const TYPED = ['invalid_config', 'invalid_credits', 'invalid_budget_id', 'invalid_request']

/** Runs one command line. */
export function run(argv: readonly string[], terminal: Terminal, commands: readonly CliCommand[]): Running {
  let hint: string | undefined
  // Errors of the command line itself must know it too.
  const how = { json: argv.includes('--json'), debug: argv.includes('--debug') }
  const done = (async (): Promise<ExitCode> => {
    try {
      if (argv.some((each) => TOKEN.test(each)))
        throw usage(
          'Expected no token among the arguments, got one',
          'Others on this machine can read arguments. Give it in a file or on standard input, and revoke this one',
        )
      const parsed = await parse(argv, commands)
      if ('text' in parsed) {
        if (parsed.isHelp) await terminal.write(parsed.text)
        else terminal.say(parsed.text.trimEnd())
        return parsed.isHelp ? EXIT.ok : EXIT.usage
      }
      return await runParsed(parsed, terminal, (text) => (hint = text))
    } catch (error) {
      tell(error, terminal, how, hint)
      return exitCodeOf(error)
    }
  })()
  return {
    done,
    interrupt: () => {
      const error = { code: 'interrupted', message: 'Interrupted', ...(hint !== undefined && { hint }) }
      terminal.say(how.json ? jsonOf(error) : `Interrupted.${hint === undefined ? '' : ` ${hint}`}`)
    },
  }
}

async function runParsed(
  { command, args, options }: Extract<Parsed, { command: CliCommand }>,
  terminal: Terminal,
  ifUnanswered: (hint: string) => void,
): Promise<ExitCode> {
  const stores: OpenStore[] = []
  const address: Input['address'] = () => storeAddress(options, terminal.env)
  const open: Input['open'] = async (how = {}) => {
    const store = await openStore(address(), how)
    stores.push(store)
    return store
  }
  try {
    const answer = await command.run({ args, options, terminal, address, open, ifUnanswered })
    terminal.progress()
    if (answer === undefined) return EXIT.ok
    await terminal.write(options['json'] === true ? `${printableJson(JSON.stringify(answer.json))}\n` : textOf(answer))
    return answer.exitCode ?? EXIT.ok
  } finally {
    for (const store of stores) await store.close()
  }
}

function textOf({ lines }: Answer): string {
  return lines.map((line) => `${line}\n`).join('')
}

function exitCodeOf(error: unknown): ExitCode {
  if (error instanceof CliError) return error.exitCode
  return BudgetError.isInstance(error) && TYPED.includes(error.code) ? EXIT.usage : EXIT.failed
}

function tell(
  error: unknown,
  terminal: Terminal,
  { json, debug }: { readonly json: boolean; readonly debug: boolean },
  unanswered: string | undefined,
): void {
  const { slug, message, hint } = readable(error, unanswered)
  const stack = debug && error instanceof Error ? stackOf(error) : undefined
  if (json) {
    const rest = { ...(hint !== undefined && { hint }), ...(stack !== undefined && { stack }) }
    terminal.say(jsonOf({ code: slug, message, ...rest }))
    return
  }
  terminal.say(`${terminal.look('messages', 'red', 'error:')} ${printable(message)}`)
  if (hint !== undefined) terminal.say(`       ${printable(hint)}`)
  if (stack !== undefined) terminal.say(printableLines(stack))
}

function jsonOf(error: object): string {
  return printableJson(JSON.stringify({ error }))
}

function readable(
  error: unknown,
  unanswered: string | undefined,
): { readonly slug: string; readonly message: string; readonly hint: string | undefined } {
  if (error instanceof CliError) return error
  if (BudgetError.isInstance(error)) {
    const { code, help } = error
    const isOpen = code === 'store_unavailable' || code === 'timeout'
    const hint = isOpen && unanswered !== undefined ? unanswered : HINTS[code]
    // What the library advises is to be called in code.
    const message = hint === undefined ? error.message : error.message.replace(/; [^;]*`\w+`$/, '')
    return { slug: code, message, hint: hint ?? `See ${help}` }
  }
  const { code, message } = Object(error) as { readonly code?: unknown; readonly message?: unknown }
  const [line = ''] = String(message ?? error).split('\n')
  return { slug: typeof code === 'string' ? code : 'failed', message: line, hint: unanswered }
}

const HINTS: Readonly<Record<string, string>> = {
  unknown_budget: 'Create it with `mcp-budget budget grant <budget> <amount> --create`',
  budget_exists: 'To add credits, leave `--create` out',
  store_unavailable: 'Is the store running, is the address right, and does nobody else hold the lock?',
}

function stackOf(error: Error): string {
  const { stack, cause } = error
  return cause instanceof Error ? `${String(stack)}\ncaused by ${stackOf(cause)}` : String(stack)
}
