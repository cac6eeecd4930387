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
  unknown_hold: [
    'Expected a lease of this store, got none of that id',
    'A week after its end a lease is forgotten. `mcp-budget ledger export --kind money` lists those with `op` `forfeit`',
  ],
  hold_ended: [
    'Expected a forfeited lease, got one that was settled, or reconciled before',
    'Nothing is left to give back',
  ],
  lease_open: [
    'Expected a forfeited lease, got one whose time is not up',
    'Its process may spend it yet. Repeat it when its time is up',
  ],
  amount_exceeded: ['Expected no more to be used than the lease had, got more', 'Give less with `--used`'],
  overflow: ['Expected a balance up to 9007199254740991, got more'],
}

/** What a store refused, as an error for a person. */
export function refused(reason: string): CliError {
  const [message, hint] = WORDS[reason] ?? [`Expected the store to do it, got a refusal: ${reason}`]
  return new CliError({ slug: reason, message, hint })
}
