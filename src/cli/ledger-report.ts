import { amountOf } from './amount.js'
import { columns, printable } from './columns.js'
import { ledgerOf, oneOf, QUERY_OPTIONS, queryOf } from './ledger-store.js'
import { STORE_OPTIONS, text, type Answer, type CliCommand, type Input } from './command.js'
import type {
  AttemptReport,
  CallTotals,
  LedgerPage,
  LedgerQuery,
  MaybePromise,
  OperationReport,
  PageRequest,
} from 'mcp-budget'
import type { OpenStore } from './open-store.js'

const TOTALS = ['calls', 'refused', 'charged', 'reported'] as const

/** `ledger report`: what the ledger says, in sums. */
export const ledgerReport: CliCommand = {
  name: 'ledger report',
  summary: 'Sum up the ledger: calls and credits by tool, budget and outcome, or by operation or task.',
  options: [
    { flags: '--by <what>', meaning: 'sums, operation or task; sums by default, which is by tool, budget and outcome' },
    { flags: '--limit <number>', meaning: 'so many operations or tasks at most; 100 by default' },
    ...QUERY_OPTIONS,
    ...STORE_OPTIONS,
  ],
  examples: [
    'mcp-budget ledger report --since 24h',
    'mcp-budget ledger report --tenant acme --by task',
    'mcp-budget ledger report --token F3I0q8nm0i7i --since 1h',
  ],
  async run({ options, open, terminal }: Input): Promise<Answer> {
    const by = oneOf(options, 'by', ['sums', 'operation', 'task'])
    const query = queryOf(options, terminal.now())
    const limit = amountOf(text(options, 'limit') ?? '100', { what: '`--limit`', least: 1 })
    const store = await open()
    if (by === 'operation')
      return operations(await upTo(limit, query, (page) => ledgerOf(store, 'operations').operations(page)))
    if (by === 'task') return tasks(await upTo(limit, query, (page) => ledgerOf(store, 'tasks').tasks(page)))
    return await sums(store, query)
  },
}

async function sums(store: OpenStore, query: LedgerQuery): Promise<Answer> {
  const { byBudget, byTool, byOutcome } = await ledgerOf(store, 'report').report(query)
  const table = (title: string, rows: ReadonlyMap<string, CallTotals>): readonly string[] =>
    rows.size === 0
      ? []
      : columns([
          [title, ...TOTALS],
          ...[...rows].map(([name, row]) => [printable(name), ...TOTALS.map((key) => row[key])]),
        ])
  const tables = [table('tool', byTool), table('budget', byBudget), table('outcome', byOutcome)]
  const lines = tables.filter((rows) => rows.length > 0).flatMap((rows, i) => (i === 0 ? rows : ['', ...rows]))
  const listed = <Row extends object>(key: string, rows: ReadonlyMap<string, Row>): readonly object[] =>
    [...rows].map(([name, row]) => ({ [key]: name, ...row }))
  return {
    lines: lines.length === 0 ? ['No records match.'] : lines,
    json: {
      tools: listed('tool', byTool),
      budgets: listed('budget', byBudget),
      outcomes: listed('outcome', byOutcome),
    },
  }
}

interface Listed<Item> {
  readonly items: readonly Item[]
  readonly more: boolean
}

async function upTo<Item>(
  limit: number,
  query: LedgerQuery,
  read: (request: LedgerQuery & PageRequest) => MaybePromise<LedgerPage<Item>>,
): Promise<Listed<Item>> {
  const items: Item[] = []
  for (let cursor: string | undefined; ;) {
    const page = { limit: Math.min(limit - items.length, 1_000), ...(cursor !== undefined && { cursor }) }
    const { records, next } = await read({ ...query, ...page })
    items.push(...records)
    if (next === undefined || items.length >= limit) return { items, more: next !== undefined }
    cursor = next
  }
}

function operations({ items, more }: Listed<OperationReport>): Answer {
  const rows = items.map(({ operationId, tool, attempts, charged, full, saved }) => {
    return { operationId, tool, attempts: attempts.length, charged, full, saved }
  })
  const cells = rows.map((row) => [
    printable(row.operationId),
    printable(row.tool),
    row.attempts,
    row.charged,
    row.saved,
  ])
  return listing([['operation', 'tool', 'attempts', 'charged', 'saved'], ...cells], { operations: rows, more }, more)
}

function tasks({ items, more }: Listed<AttemptReport>): Answer {
  const rows = items.map(({ taskId = '', tool, operationId, attempt, charged, end }) => {
    return { taskId, tool, operationId, attempt, charged, end: end ?? null }
  })
  const cells = rows.map((row) => [
    printable(row.taskId),
    printable(row.tool),
    row.attempt,
    row.charged,
    row.end ?? 'open',
  ])
  return listing([['task', 'tool', 'attempt', 'charged', 'end'], ...cells], { tasks: rows, more }, more)
}

function listing(rows: ReadonlyArray<ReadonlyArray<string | number>>, json: object, more: boolean): Answer {
  if (rows.length === 1) return { lines: ['No records match.'], json }
  return { lines: [...columns(rows), ...(more ? ['There are more: give a larger `--limit`.'] : [])], json }
}
