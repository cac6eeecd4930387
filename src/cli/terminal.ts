import { createInterface } from 'node:readline/promises'
import { styleText } from 'node:util'
import { CliError } from './cli-error.js'
import { EXIT } from './exit-code.js'

/** How a text may look, on a terminal. */
export type Look = 'bold' | 'dim' | 'green' | 'yellow' | 'red'

/** What a command reads and writes. The only place that names the streams of the process. */
export interface Terminal {
  readonly env: Readonly<Record<string, string | undefined>>
  /** Whether a person can be asked. */
  readonly isInteractive: boolean
  /** Milliseconds since 1970. */
  now(): number
  /** Writes what was asked for, and waits until there is room for more. */
  write(text: string): Promise<void>
  /** Says something beside it, on a line of its own. */
  say(text: string): void
  /** Shows how far long work is, on a terminal only; nothing takes it away again. */
  progress(text?: string): void
  /** A text as it looks on the stream it is for; unchanged where that is no terminal, or `NO_COLOR` is set. */
  look(stream: 'output' | 'messages', look: Look, text: string): string
  /** Asks a person. @throws CliError when Ctrl-C answers */
  ask(question: string): Promise<string>
  /** All of the input, up to `most` bytes. @throws CliError for more */
  read(most: number): Promise<Buffer>
}

/** The terminal of this process. */
export function processTerminal(): Terminal {
  const { stdin, stdout, stderr, env } = process
  let shown = 0
  const progress = (text = ''): void => {
    if (stderr.isTTY !== true || (text === '' && shown === 0)) return
    stderr.write(`\r${text.padEnd(shown)}${text === '' ? '\r' : ''}`)
    shown = text.length
  }
  const isColoured = (stream: { readonly isTTY?: boolean }): boolean =>
    stream.isTTY === true && (env['NO_COLOR'] ?? '') === '' && env['TERM'] !== 'dumb'
  return {
    env,
    isInteractive: stdin.isTTY === true && stderr.isTTY === true,
    now: () => Date.now(),
    write: (text) =>
      new Promise((resolve) => {
        if (stdout.write(text)) resolve()
        else stdout.once('drain', resolve)
      }),
    say(text) {
      progress()
      stderr.write(`${text}\n`)
    },
    progress,
    look: (stream, look, text) => (isColoured(stream === 'output' ? stdout : stderr) ? styleText(look, text) : text),
    async ask(question) {
      const lines = createInterface({ input: stdin, output: stderr })
      const stop = new AbortController()
      lines.on('SIGINT', () => stop.abort())
      // The end of the input is no answer either.
      lines.on('close', () => stop.abort())
      try {
        return await lines.question(question, { signal: stop.signal })
      } catch {
        throw new CliError({ slug: 'interrupted', message: 'Nothing was done', exitCode: EXIT.interrupted })
      } finally {
        lines.close()
      }
    },
    async read(most) {
      const parts: Buffer[] = []
      let size = 0
      for await (const part of stdin) {
        parts.push(part as Buffer)
        size += (part as Buffer).length
        if (size > most)
          throw new CliError({ slug: 'too_large', message: `Expected up to ${most} bytes of input, got more` })
      }
      return Buffer.concat(parts)
    },
  }
}
