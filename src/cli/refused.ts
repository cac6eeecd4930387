import { CliError } from './cli-error.js'

const WORDS: Readonly<Record<string, readonly [message: string, hint?: string]>> = {
  unknown_budget: [
    'Expected a budget that exists, got none of that name',
    'Create it with `mcp-budget budget grant <budget> <amount> --create`',
  ],
  closed: ['Expected an open budget, got one that is closed', 'A closed budget stays closed. Use another name'],
  id_reused: [
    'Expected a new id, got one that another request had',
    'The same id is for the same request only: leave `--id` out, or give another',
  ],
  overflow: ['Expected a balance up to 9007199254740991, got more'],
}

/** What a store refused, as an error for a person. */
export function refused(reason: string): CliError {
  const [message, hint] = WORDS[reason] ?? [`Expected the store to do it, got a refusal: ${reason}`]
  return new CliError({ slug: reason, message, hint })
}
