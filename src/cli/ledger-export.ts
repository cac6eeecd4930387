import { exportLedger } from 'mcp-budget'
import { ledgerOf, oneOf, QUERY_OPTIONS, queryOf, wholeLedgerOf } from './ledger-store.js'
import { STORE_OPTIONS, text, type CliCommand, type Input } from './command.js'
import { printableJson, printableLines } from './columns.js'
import { usage } from './cli-error.js'
import type { LedgerQuery } from 'mcp-budget'
import type { OpenStore } from './open-store.js'

/** Lines are written together, up to so many. */
const TOGETHER = 1_000

/** `ledger export`: the records, as text. */
export const ledgerExport: CliCommand = {
  name: 'ledger export',
  summary:
    'Write the ledger to standard output: as JSON lines, as CSV, or with its numbers for `ledger verify --file`.',
  options: [
    { flags: '--format <format>', meaning: 'jsonl, csv or numbered; jsonl by default' },
    { flags: '--kind <kind>', meaning: 'only money, call or calls' },
    ...QUERY_OPTIONS,
    ...STORE_OPTIONS,
  ],
  examples: [
    'mcp-budget ledger export > ledger.jsonl',
    'mcp-budget ledger export --format csv --tenant acme --since 2026-11-01 > november.csv',
    'mcp-budget ledger export --format numbered > whole.jsonl',
  ],
  async run({ options, open, terminal }: Input): Promise<undefined> {
    const format = oneOf(options, 'format', ['jsonl', 'csv', 'numbered'])
    const kind = text(options, 'kind') === undefined ? undefined : oneOf(options, 'kind', ['money', 'call', 'calls'])
    const query = { ...queryOf(options, terminal.now()), ...(kind !== undefined && { kind }) }
    if (format === 'numbered' && Object.keys(query).length > 0)
      throw usage('Expected no filter with `--format numbered`, got one', 'Only a whole ledger can be verified')
    let lines = 0
    for await (const text of textsOf(await open(), format, query)) {
      await terminal.write(format === 'csv' ? printableLines(text) : printableJson(text))
      lines += text.split('\n').length - 1
      terminal.progress(`${lines} lines`)
    }
    return undefined
  },
}

async function* textsOf(
  store: OpenStore,
  format: 'jsonl' | 'csv' | 'numbered',
  query: LedgerQuery,
): AsyncIterable<string> {
  if (format !== 'numbered') {
    yield* exportLedger(ledgerOf(store, 'page'), { format, query })
    return
  }
  const { chainRecords } = await import('mcp-budget/audit')
  let lines: string[] = []
  for await (const record of chainRecords(await wholeLedgerOf(store))) {
    lines.push(`${JSON.stringify(record)}\n`)
    if (lines.length < TOGETHER) continue
    yield lines.join('')
    lines = []
  }
  if (lines.length > 0) yield lines.join('')
}
