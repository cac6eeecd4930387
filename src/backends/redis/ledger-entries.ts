import type { BudgetId } from '../../budget/budget-id.js'
import type { MoneyEntry, MoneyOp } from '../../ledger/entry.js'

/** The entries of places in the stream, as XRANGE answers: `[id, [number, text, number, text, …]]`. */
export function entriesOf(places: unknown, partition: string): MoneyEntry[] {
  const entries: MoneyEntry[] = []
  for (const [, fields] of places as ReadonlyArray<readonly [string, readonly string[]]>) {
    for (let n = 0; n + 1 < fields.length; n += 2) {
      entries.push(entryOf(Number(fields[n]), fields[n + 1] as string, partition))
    }
  }
  return entries
}

/** An entry's text: when, what, which budget, the other one or `-`, seven numbers, and `[id, tool]` as JSON. */
function entryOf(seq: number, text: string, partition: string): MoneyEntry {
  const words = text.split(' ', 11)
  const [at, op, budget, counter, ...numbers] = words
  const [available = 0, held = 0, spent = 0, debt = 0, received = 0, out = 0, burned = 0] = numbers.map(Number)
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
    available,
    held,
    spent,
    debt,
    in: received,
    out,
    burned,
  }
}
