import { assertKeys, oneOf } from '../core/settings.js'
import { csvLine, CSV_COLUMNS } from './csv.js'
import type { LedgerQuery, PagedLedger } from './ledger.js'

/**
 * A ledger as text, page by page, so that it need not fit into memory: with `jsonl`, the default, one JSON record on each
 * line, which `readLedger` reads again; with `csv` a header and one line for each record, for a spreadsheet. In a CSV no
 * text is taken for a formula: one that begins like one gets a `'` before it.
 *
 * @throws BudgetError `invalid_config` for an unknown setting; and what the ledger throws, when its pages are read
 * @example for await (const text of exportLedger(enforcer.ledger, { format: 'csv', query: { tenant: 'acme' } })) file.write(text)
 */
export function exportLedger(
  ledger: Pick<PagedLedger, 'page'>,
  options: { readonly format?: 'jsonl' | 'csv'; readonly query?: LedgerQuery } = {},
): AsyncIterable<string> {
  assertKeys(options, ['format', 'query'], 'options')
  return texts(ledger, oneOf(options.format, ['jsonl', 'csv'], 'format') === 'csv', options.query)
}

async function* texts(ledger: Pick<PagedLedger, 'page'>, isCsv: boolean, query?: LedgerQuery): AsyncIterable<string> {
  if (isCsv) yield `${CSV_COLUMNS.join(',')}\r\n`
  for (let cursor: string | undefined; ;) {
    const { records, next } = await ledger.page({ ...query, limit: 1_000, ...(cursor !== undefined && { cursor }) })
    const lines = records.map((record) => (isCsv ? csvLine(record) : `${JSON.stringify(record)}\n`))
    if (lines.length > 0) yield lines.join('')
    if (next === undefined) return
    cursor = next
  }
}
