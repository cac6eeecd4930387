import { BudgetError, describeValue } from '../core/errors.js'
import { isObject, type JsonObject } from '../core/json.js'
import type { LedgerRecord } from './entry.js'

/** No record is as long as this. */
const MOST_CHARACTERS = 1_000_000

const BALANCE = ['available', 'held', 'spent', 'debt', 'in', 'out', 'burned']
/** What each kind of record has at least. */
const FIELDS: Readonly<Record<LedgerRecord['kind'], Readonly<Record<string, readonly string[]>>>> = {
  money: { number: ['seq', 'at', ...BALANCE], string: ['partition', 'op', 'budget', 'id'] },
  call: { number: ['at', 'durationMs'], string: ['chargeId', 'tool', 'outcome', 'proves'] },
  calls: { number: ['calls', 'charged', 'reported'], string: ['tool', 'outcome', 'proves'] },
}

/**
 * Reads what `exportLedger` wrote as `jsonl`, in pieces of any length: to verify it, or to give it to another ledger.
 * It is never whole in memory.
 *
 * @throws BudgetError `invalid_request` at the first line that is no record, with its number
 * @example for await (const record of readLedger(createReadStream('ledger.jsonl', 'utf8'))) memory.append([record])
 */
export async function* readLedger(texts: AsyncIterable<string> | Iterable<string>): AsyncIterable<LedgerRecord> {
  let rest = ''
  let line = 0
  for await (const text of texts) {
    const lines = (rest + text).split('\n')
    rest = lines.pop() ?? ''
    for (const each of lines) yield* recordIn(each, ++line)
    if (rest.length > MOST_CHARACTERS) throw unread(line + 1, 'one that is longer')
  }
  yield* recordIn(rest, line + 1)
}

function* recordIn(text: string, line: number): Iterable<LedgerRecord> {
  if (text.trim() === '') return
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw unread(line, 'no JSON')
  }
  if (!isObject(value)) throw unread(line, describeValue(value))
  const wrong = wrongIn(value)
  if (wrong !== undefined) throw unread(line, `\`${wrong}\` as ${describeValue(value[wrong])}`)
  yield value as unknown as LedgerRecord
}

function wrongIn(value: JsonObject): string | undefined {
  const kind = String(value['kind'])
  if (!Object.hasOwn(FIELDS, kind)) return 'kind'
  const fields = FIELDS[kind as LedgerRecord['kind']]
  const isText = (each: unknown): boolean => typeof each === 'string'
  const budgets = value['budgets']
  if (kind !== 'money' && !(Array.isArray(budgets) && budgets.every(isText))) return 'budgets'
  return (
    fields['number']?.find((name) => !Number.isSafeInteger(value[name])) ??
    fields['string']?.find((name) => !isText(value[name]))
  )
}

function unread(line: number, got: string): BudgetError {
  const message = `Expected line ${line} to be a record of a ledger as JSON, got ${got}`
  return new BudgetError({ code: 'invalid_request', message })
}
