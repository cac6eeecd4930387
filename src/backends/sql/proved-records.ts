import { BudgetError } from '../../core/errors.js'
import { callBudgetRows, callRow } from './call-rows.js'
import { isMarked, keptText, olderTexts, textOf } from './kept-text.js'
import { knownBudgetsQuery, MOST_BUDGETS } from './ledger-queries.js'
import type { CallBudgetRow, CallRow, EntryRow } from './rows.js'
import type { LedgerReader } from './sql-ledger.js'
import type { LedgerRecord, MoneyEntry } from '../../ledger/entry.js'

/** The record of a row. */
export function recordOf(row: EntryRow | CallRow): LedgerRecord {
  if ('body' in row) return JSON.parse(row.body) as LedgerRecord
  const { tool, counter, ...entry } = row
  return {
    kind: 'money',
    ...entry,
    tool: tool === null ? undefined : textOf(tool),
    counter: counter ?? undefined,
  } satisfies MoneyEntry
}

/**
 * The record of a row. Queries look at the columns of a call, and a chain is made of its body: they must say the same.
 *
 * @throws BudgetError `invalid_store`
 */
export function provedRecord(row: EntryRow | CallRow): LedgerRecord {
  const record = recordOf(row)
  if (record.kind === 'money' || !('body' in row)) {
    // A tool that is written in another way is the same, and no query finds it.
    if (record.tool !== undefined && 'op' in row && row.tool !== keptText(record.tool)) throw another('tool', row.seq)
    return record
  }
  const own = callRow(record, row.partition, row.seq)
  const wrong = (Object.keys(own) as Array<keyof CallRow>).find((name) => !isKept(own[name], row[name]))
  if (wrong !== undefined) throw another(wrong, row.seq)
  return record
}

/**
 * Proves that queries find calls by the budgets that their records name.
 *
 * @throws BudgetError `invalid_store`
 */
export async function proveBudgets(reader: LedgerReader, rows: ReadonlyArray<EntryRow | CallRow>): Promise<void> {
  const wanted = rows.flatMap((row) => {
    const record = recordOf(row)
    if (record.kind === 'money' || !('body' in row)) return []
    // An older version has kept another text of those.
    return callBudgetRows(row, record.budgets).filter(({ budget }) => !isMarked(budget))
  })
  for (let from = 0; from < wanted.length; from += MOST_BUDGETS) {
    const some = wanted.slice(from, from + MOST_BUDGETS)
    const found = await reader.select<CallBudgetRow>(knownBudgetsQuery(some))
    const known = new Set(found.map(keyOf))
    const missed = some.find((row) => !known.has(keyOf(row)))
    if (missed !== undefined) throw another('budgets', missed.seq)
  }
}

function keyOf({ budget, seq }: CallBudgetRow): string {
  return `${seq} ${budget}`
}

function isKept(own: CallRow[keyof CallRow], kept: CallRow[keyof CallRow]): boolean {
  return own === kept || (typeof own === 'string' && olderTexts(own).some((text) => text === kept))
}

function another(what: string, seq: number): BudgetError {
  const message = `Expected \`${what}\` of record ${seq} to be as its record says, got another`
  return new BudgetError({ code: 'invalid_store', message })
}
