import { EXIT, type ExitCode } from './exit-code.js'

/**
 * Why a command could not be done, for a person.
 *
 * @property slug the same word with `--json`: one of the library's codes or reasons, or `usage`
 * @property hint what to do, where the message does not say it
 * @property exitCode how the process ends
 */
export class CliError extends Error {
  readonly slug: string
  readonly hint: string | undefined
  readonly exitCode: ExitCode

  constructor(options: {
    readonly slug: string
    readonly message: string
    readonly hint?: string | undefined
    readonly exitCode?: ExitCode
    readonly cause?: unknown
  }) {
    super(options.message, { cause: options.cause })
    this.name = 'CliError'
    this.slug = options.slug
    this.hint = options.hint
    this.exitCode = options.exitCode ?? EXIT.failed
  }
}

/** The command line is wrong: nothing was tried. */
export function usage(message: string, hint?: string): CliError {
  return new CliError({ slug: 'usage', message, hint, exitCode: EXIT.usage })
}
