import { columns, printable } from './columns.js'
import { EXIT, type ExitCode } from './exit-code.js'
import { plural } from './when.js'
import type { Answer } from './command.js'
import type { BreakReason, CheckpointFault, MoneyFault, Verification, Verified } from 'mcp-budget/audit'

/** How a verification ends. */
export const EXIT_OF: Readonly<Record<Verification['kind'], ExitCode>> = {
  ok: EXIT.ok,
  broken: EXIT.broken,
  truncated: EXIT.truncated,
  equation: EXIT.equation,
  checkpoint: EXIT.checkpoint,
}

/** What a verification found, for people and for programs. */
export function found(verification: Verification): Answer {
  const lines = verification.kind === 'ok' ? whole(verification) : wrong(verification)
  return { lines: lines.map(printable), json: verification, exitCode: EXIT_OF[verification.kind] }
}

function whole({ chains, records, checkpoints, unreadable, restarts, balances, books }: Verified): readonly string[] {
  // Without seals, as in a file, checkpoints still cover what they name.
  const open = chains.reduce((sum, { last, sealed, checkpoint }) => sum + last - Math.max(sealed, checkpoint), 0)
  const rows = chains.map(({ partition, record, last, sealed, checkpoint }) => {
    return [partition === '' ? '(none)' : partition, record, last, sealed, checkpoint]
  })
  return [
    `Sound: ${plural(records, 'record')} in ${plural(chains.length, 'chain')}.`,
    ...(rows.length === 0
      ? []
      : ['', ...columns([['partition', 'kind', 'last', 'sealed', 'checkpoint'], ...rows]), '']),
    ...(open === 0 ? [] : [`${plural(open, 'record')} not sealed yet: whether they were changed, nobody can tell.`]),
    checkpoints === 0
      ? 'No checkpoints: a ledger that was written anew with its seals would look the same.'
      : `${plural(checkpoints, 'checkpoint')} hold.`,
    ...(unreadable === 0 ? [] : [`${plural(unreadable, 'line')} among the checkpoints cannot be read.`]),
    ...(restarts === 0
      ? []
      : [`The checkpoints begin anew ${plural(restarts, 'time')}: a sealer had lost its last one.`]),
    compared({ balances, books }),
  ]
}

function compared({ balances, books }: Pick<Verified, 'balances' | 'books'>): string {
  if (!balances) return 'The balances of the store were not compared.'
  const what = books ? 'balances, open holds and leases' : 'balances'
  return `The ${what} of the store are those of the ledger.`
}

const BREAKS: Readonly<Record<BreakReason, string>> = {
  changed: 'it, or its seal, is not what was sealed',
  missing: 'it is not there, and a later one is',
  order: 'it has not the number, or not the partition, that comes here',
  unsealed: 'its seal is not there, and a later one is',
  rewritten: 'a checkpoint says another',
  uncounted: 'it is there, and the store counts fewer',
  stray: 'a query by a budget finds it that it does not name, or it is not there',
}

const MONEY: Readonly<Record<MoneyFault, string>> = {
  equation: 'in + debt is not available + held + spent + out + burned',
  range: 'an amount that cannot be',
  transfer: 'what went out at one side of a transfer did not come in at the other',
  hold: 'a hold is not what was put aside, or not open',
  window: 'a window began with another amount than the budget was initialised with',
  balance: 'the store says something else than the ledger',
  unknown: 'the store has a budget of which there is no entry',
}

const CHECKPOINTS: Readonly<Record<CheckpointFault, string>> = {
  format: 'it has not the form of one',
  unknown_key: 'it is signed by a key that was not given',
  signature: 'its signature does not hold',
  store: 'it is of another store',
  previous: 'the one that it follows is not there, or comes later',
  order: 'it covers no more than the one that it follows',
}

function wrong(fault: Exclude<Verification, Verified>): readonly string[] {
  if (fault.kind === 'checkpoint')
    return [`Not believed: line ${fault.line} of the checkpoints: ${CHECKPOINTS[fault.why]}.`]
  const chain = `the ${fault.record} records of ${fault.partition === '' ? 'no partition' : fault.partition}`
  switch (fault.kind) {
    case 'broken':
      return [
        `Broken at record ${fault.seq} of ${chain}: ${BREAKS[fault.why]}.`,
        `Up to record ${fault.after} all is what it was.`,
      ]
    case 'truncated':
      return [`Truncated: ${chain} end at ${fault.last}, and a ${fault.by} says that there were ${fault.expected}.`]
    case 'equation': {
      const { seq, budget, why, column = 'the sum', hold, expected, got } = fault
      const where = hold === undefined ? `as ${column}` : `under ${hold}`
      return [
        `Does not add up at record ${seq} of ${chain}: ${MONEY[why]}.`,
        `${budget}: expected ${expected} ${where}, got ${got}.`,
      ]
    }
  }
}
