import { Buffer } from 'node:buffer'
import { COMMANDS } from '../../src/cli/commands.js'
import { run } from '../../src/cli/run.js'
import type { Terminal } from '../../src/cli/terminal.js'

/** What a command line gave. */
export interface Ran {
  readonly code: number
  readonly out: string
  readonly err: string
}

/** How a command is run. */
export interface Around {
  readonly env?: Readonly<Record<string, string>>
  readonly input?: string
  /** What a person types when asked; nobody is there by default. */
  readonly answer?: string
  readonly now?: number
}

/** Runs a command line in this process, on a terminal that keeps what it is told. */
export async function cli(argv: string | readonly string[], around: Around = {}): Promise<Ran> {
  const { env = {}, input = '', answer, now } = around
  let [out, err] = ['', '']
  const terminal: Terminal = {
    env,
    isInteractive: answer !== undefined,
    now: () => now ?? Date.now(),
    write: async (text) => void (out += text),
    say: (text) => void (err += `${text}\n`),
    progress: () => {},
    look: (_stream, _look, text) => text,
    ask: async (question) => {
      err += question
      return answer ?? ''
    },
    read: async () => Buffer.from(input),
  }
  const words = typeof argv === 'string' ? argv.split(' ').filter((word) => word !== '') : argv
  const code = await run(words, terminal, COMMANDS).done
  return { code, out, err }
}
