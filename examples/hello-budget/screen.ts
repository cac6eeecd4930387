/** What the example prints: a table that moves on a terminal, plain lines anywhere else. */
import { stripVTControlCharacters, styleText } from 'node:util'
import type { BudgetView, CallMiddleware, CallOutcome, Priced } from 'mcp-budget'

export const isLive = process.stdout.isTTY
const hasColours = isLive && process.env['NO_COLOR'] === undefined
const lines: string[] = []

/** Everything printed so far, as text, without the frames in between. */
export function transcript(): string {
  return stripVTControlCharacters(`${lines.join('\n')}\n`)
}

export function print(text = ''): void {
  lines.push(text)
  console.log(text)
}

export function heading(text: string): void {
  print(style('bold', text))
}

/** Prints records as columns; numbers stand to the right. */
export function columns(names: readonly string[], rows: ReadonlyArray<ReadonlyArray<string | number>>): void {
  const widths = names.map((name, i) => Math.max(name.length, ...rows.map((row) => String(row[i]).length)))
  const line = (row: ReadonlyArray<string | number>, isNumber: (i: number) => boolean) =>
    row
      .map((cell, i) => (isNumber(i) ? String(cell).padStart(widths[i] ?? 0) : String(cell).padEnd(widths[i] ?? 0)))
      .join('  ')
  print(
    style(
      'dim',
      line(names, (i) => typeof rows[0]?.[i] === 'number'),
    ),
  )
  for (const row of rows) print(line(row, (i) => typeof row[i] === 'number'))
}

interface Row {
  readonly tool: string
  readonly price: number
  outcome: CallOutcome | undefined
  balance: BudgetView
}

/**
 * A step that shows every call: outside `withBudget`, so that it sees refusals, and sees a result when it is paid for.
 */
export function watch(balance: () => BudgetView): CallMiddleware<Priced> {
  const rows = new Map<string, Row>()
  let drawn = 0
  print(style('dim', rowText('tool', 'price', 'result', 'spent', 'held', 'remaining')))
  return {
    name: 'watch',
    needs: ['cost'],
    enter(call) {
      rows.set(call.id, { tool: call.tool, price: call.cost, outcome: undefined, balance: balance() })
      // The hold is placed by the next step.
      if (isLive) queueMicrotask(() => redraw(call.id))
      return call
    },
    leave(call, outcome) {
      const row = rows.get(call.id)
      if (row === undefined) return outcome
      row.outcome = outcome
      row.balance = balance()
      lines.push(textOf(row))
      if (isLive) redraw(call.id)
      else console.log(textOf(row))
      return outcome
    },
  }

  function redraw(changed: string): void {
    const row = rows.get(changed)
    if (row?.outcome === undefined && row !== undefined) row.balance = balance()
    if (drawn > 0) process.stdout.write(`\x1b[${drawn}A\x1b[J`)
    for (const each of rows.values()) console.log(textOf(each))
    drawn = rows.size
  }
}

function textOf({ tool, price, outcome, balance }: Row): string {
  const { spent, held, available } = balance
  const text = rowText(tool, price, resultText(outcome), spent, held, available)
  if (outcome === undefined) return style('yellow', text)
  return outcome.kind === 'refused' ? style('red', text) : text
}

function resultText(outcome: CallOutcome | undefined): string {
  if (outcome === undefined) return '…'
  if (outcome.kind === 'refused') return `refused: ${outcome.refusal.reason}`
  if (outcome.kind !== 'result') return outcome.kind
  const [first] = outcome.result['content'] as ReadonlyArray<{ readonly text: string }>
  const text = (first?.text ?? '').split('\n').join(', ')
  return outcome.proves === 'failed' ? `failed: ${text}` : text
}

type Cell = string | number

function rowText(tool: Cell, price: Cell, result: Cell, spent: Cell, held: Cell, remaining: Cell): string {
  const text = String(result)
  const cut = text.length <= 30 ? text : `${text.slice(0, 29)}…`
  const numbers = [String(spent).padStart(5), String(held).padStart(5), String(remaining).padStart(9)]
  return `${String(tool).padEnd(14)}  ${String(price).padStart(5)}  ${cut.padEnd(30)}  ${numbers.join('  ')}`
}

function style(format: 'bold' | 'dim' | 'red' | 'yellow', text: string): string {
  return hasColours ? styleText(format, text) : text
}
