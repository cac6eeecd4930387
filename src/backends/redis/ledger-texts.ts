import type { BudgetId } from '../../budget/budget-id.js'
import { closedOpening, type CallRecord, type FoldedCalls, type MoneyEntry, type MoneyOp } from '../../ledger/entry.js'
import type { NumberedText } from './numbered-texts.js'

/** An entry's text: when, what, which budget, the other one or `-`, seven numbers, and `[id, tool]` as JSON. */
export function entryOf({ seq, text }: NumberedText, partition: string): MoneyEntry {
  const words = text.split(' ', 11)
  const [at, op, budget, counter, ...numbers] = words
  const [id, tool] = JSON.parse(text.slice(words.join(' ').length + 1)) as [string, string | null]
  return {
    kind: 'money',
    seq,
    at: Number(at),
    partition,
    op: op as MoneyOp,
    budget: budget as BudgetId,
    id,
    tool: tool ?? undefined,
    counter: counter === '-' ? undefined : counter,
    ...changeOf(numbers),
  }
}

/**
 * The entry that stands for a budget's folded ones. Its text: the number and the time of the last of them, seven sums, and
 * 1 if it was closed.
 */
export function openingOf(budget: BudgetId, text: string, partition: string): MoneyEntry {
  const [seq, at, ...sums] = text.split(' ')
  const id = sums[7] === '1' ? closedOpening(budget) : `opening:${budget}`
  const about = { op: 'opening', budget, id, tool: undefined, counter: undefined } as const
  return { kind: 'money', seq: Number(seq), at: Number(at), partition, ...about, ...changeOf(sums) }
}

/** Calls that were counted: `outcome proves budgets tool`, and how many, what was charged and reported. */
export function foldedOf(kind: string, text: string): FoldedCalls {
  // The name of the tool comes last, because nothing else has spaces.
  const words = kind.split(' ', 3)
  const [outcome, proves, budgets = ''] = words
  const [calls = 0, charged = 0, reported = 0] = text.split(' ').map(Number)
  const tool = kind.slice(words.join(' ').length + 1)
  const about = { outcome: outcome as FoldedCalls['outcome'], proves: proves as FoldedCalls['proves'] }
  return { kind: 'calls', tool, budgets: budgets === '' ? [] : budgets.split(','), ...about, calls, charged, reported }
}

/** A call record's text is its JSON; what was `undefined` is not in it. */
export function callOf(text: string): CallRecord {
  const record = JSON.parse(text) as Partial<CallRecord> & Omit<CallRecord, 'server' | 'tokenId'>
  const { server, tokenId, refusal, cost, price, charge } = record
  return { ...record, server, tokenId, refusal, cost, price, charge }
}

function changeOf(
  numbers: readonly string[],
): Pick<MoneyEntry, 'available' | 'held' | 'spent' | 'debt' | 'in' | 'out' | 'burned'> {
  const [available = 0, held = 0, spent = 0, debt = 0, received = 0, out = 0, burned = 0] = numbers.map(Number)
  return { available, held, spent, debt, in: received, out, burned }
}
