import { budgetId } from '../../budget/budget-id.js'
import type { CallRecord, FoldedCalls, LedgerRecord, MoneyEntry } from '../../ledger/entry.js'
import type { CallRow, EntryRow } from './rows.js'
import type { Dialect, Query } from './queries.js'
import type { LedgerQuery } from '../../ledger/ledger.js'
import type { Transaction } from './transaction.js'

/** The row of a call record. */
export function callRow(record: CallRecord | FoldedCalls): CallRow {
  const { chargeId = null, at = null } = record.kind === 'call' ? record : {}
  return { charge_id: chargeId, at, tool: record.tool, body: JSON.stringify(record) }
}

/** What a ledger is asked for, oldest first: where a call and its money have one time, the money comes first. */
export async function entriesOf(tx: Transaction, query: LedgerQuery): Promise<readonly LedgerRecord[]> {
  const wanted = query.budget === undefined ? query : { ...query, budget: budgetId(query.budget) }
  const { kind, budget } = wanted
  const money = kind === undefined || kind === 'money' ? await tx.ledger('entries', wanted) : []
  const calls = kind === 'money' ? [] : await tx.ledger('calls', wanted)
  const records = calls
    .map(({ body }) => JSON.parse(body) as CallRecord | FoldedCalls)
    .filter((call) => (kind ?? call.kind) === call.kind && (budget === undefined || call.budgets.includes(budget)))
  return [...money.map(entryOf), ...records].sort((a, b) => timeOf(a) - timeOf(b))
}

/** The columns of a ledger's table that what it is asked for is compared with. */
const COLUMNS = {
  entries: { budget: 'budget', tool: 'tool', chargeId: 'id' },
  // Which budgets a call has is in its record.
  calls: { budget: undefined, tool: 'tool', chargeId: 'charge_id' },
} as const

/** The query for what a ledger is asked for. */
export function ledgerQuery(
  d: Dialect,
  { table, columns }: { readonly table: keyof typeof COLUMNS; readonly columns: readonly string[] },
  asked: LedgerQuery,
): Query {
  const conditions: string[] = []
  const parameters: string[] = []
  const add = (key: keyof LedgerQuery, condition: (parameter: number) => string): void => {
    if (asked[key] !== undefined) conditions.push(condition(parameters.push(key)))
  }
  for (const [key, column] of Object.entries(COLUMNS[table])) {
    if (column !== undefined) add(key as keyof LedgerQuery, (n) => d.isIn(`"${column}"`, n))
  }
  add('since', (n) => `"at" >= ${d.number(n)}`)
  add('until', (n) => `"at" < ${d.number(n)}`)
  const names = columns.map((column) => `"${column}"`).join(', ')
  const where = conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`
  const order = table === 'entries' ? '"at", "partition", "seq"' : '"n"'
  return { sql: `SELECT ${names} FROM ${d.table(table)} ${where} ORDER BY ${order}`, columns, parameters }
}

function entryOf({ tool, counter, ...entry }: EntryRow): MoneyEntry {
  return { kind: 'money', ...entry, tool: tool ?? undefined, counter: counter ?? undefined }
}

// What was folded away has no time: it comes first.
function timeOf(record: LedgerRecord): number {
  return 'at' in record ? record.at : 0
}
