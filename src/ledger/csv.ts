import type { LedgerRecord } from './entry.js'

/** The columns of a CSV, in order. */
export const CSV_COLUMNS = [
  ...['kind', 'at', 'id', 'tool', 'budgets', 'partition', 'seq', 'op', 'counter'],
  ...['available', 'held', 'spent', 'debt', 'in', 'out', 'burned'],
  ...['server', 'token_id', 'outcome', 'proves', 'error', 'reason', 'cost', 'end'],
  ...['hold', 'charged', 'full', 'reported', 'calls', 'duration_ms'],
  ...['operation_id', 'attempt', 'task_id', 'task_end', 'late'],
] as const

type Cells = Partial<Record<(typeof CSV_COLUMNS)[number], string | number | boolean | undefined>>

/** What a spreadsheet may take for a formula, also behind what it does not show. */
const FORMULA = /^[\s\p{C}]*[=+\-@＝＋－＠]|^[\t\r\n]/u
/** The same within a text, where another separator than the comma begins a cell. */
const WITHIN = /(?<=[;\t\r\n][\s\p{C}]*)[=+\-@＝＋－＠]/gu

/** A record as one line of RFC 4180. */
export function csvLine(record: LedgerRecord): string {
  const cells = cellsOf(record)
  return `${CSV_COLUMNS.map((name) => cell(cells[name])).join(',')}\r\n`
}

function cellsOf(record: LedgerRecord): Cells {
  const { kind, tool } = record
  if (kind === 'money') {
    const { at, budget, ...rest } = record
    return { ...rest, at: time(at), budgets: budget }
  }
  const about = { kind, tool, budgets: record.budgets.join(' '), outcome: record.outcome, proves: record.proves }
  if (kind === 'calls') return { ...about, calls: record.calls, charged: record.charged, reported: record.reported }
  const { refusal, charge } = record
  return {
    ...about,
    at: time(record.at),
    id: record.chargeId,
    server: record.server,
    token_id: record.tokenId,
    error: refusal?.error,
    reason: refusal?.reason,
    cost: record.cost,
    end: charge?.end,
    hold: charge?.held,
    charged: charge?.charged,
    full: charge?.full,
    reported: charge?.reported,
    duration_ms: record.durationMs,
    operation_id: record.operationId,
    attempt: record.attempt,
    task_id: record.taskId,
    task_end: record.taskEnd,
    late: record.late,
  }
}

function time(at: number): string {
  // What no date can be stays a number.
  return Math.abs(at) > 8.64e15 ? String(at) : new Date(at).toISOString()
}

function cell(value: string | number | boolean | undefined): string {
  if (typeof value !== 'string') return String(value ?? '')
  const safe = value.replace(WITHIN, "'$&")
  const text = FORMULA.test(safe) ? `'${safe}` : safe
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
