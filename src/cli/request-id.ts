import { usage } from './cli-error.js'
import { text, type Options } from './command.js'

/**
 * The id that was given for a request, if there is one. One that looks like an option is one: whoever forgot the id
 * would send all such requests under the same.
 *
 * @throws CliError `usage`
 */
export function requestId(options: Options): string | undefined {
  const id = text(options, 'id')
  if (id?.startsWith('-') !== true) return id
  throw usage('Expected `--id` with an id, got another option', 'An id does not begin with `-`')
}
