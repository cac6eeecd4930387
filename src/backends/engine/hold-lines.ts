import { budgetId } from '../../budget/budget-id.js'
import { fits, holdChange, type HoldEvent } from '../../budget/hold.js'
import type { Book } from './book.js'
import type { BudgetRecord } from './budget-record.js'
import type { Credits } from '../../core/credits.js'
import type { EnforcerReason, HoldLine, LineWindow, WindowSpan } from '../../budget/enforcer.js'
import type { HeldLine } from './hold-record.js'

/** Why lines cannot be held. */
export interface LineRefusal {
  readonly reason: EnforcerReason
  readonly budget: string
  readonly remaining: Credits
  readonly resetAt?: number
}

/** The budgets of a hold's lines and the windows they fall in, or why they cannot be held together. */
export function resolveLines(book: Book, lines: readonly HoldLine[], now: number): readonly HeldLine[] | LineRefusal {
  const [first] = lines as readonly [HoldLine, ...HoldLine[]]
  const partition = (line: HoldLine): string => book.partitionOf(line.budget)
  const cross = lines.find((line) => line !== first && partition(line) !== partition(first))
  if (cross !== undefined) return refused('cross_partition', cross)
  for (const line of lines) {
    if (line.window !== undefined && windowAt(line.window, now) === undefined) return refused('clock_skew', line)
  }
  const unknown = lines.find((line) => book.find(line.budget) === undefined)
  if (unknown !== undefined) return refused('unknown_budget', unknown)
  // As long as they are: a list that grows keeps room for sixteen more, as long as its hold is remembered.
  return lines.map(({ budget, amount, unit, window }) => ({
    budget: book.find(budget) as BudgetRecord,
    amount,
    unit,
    window: window && windowAt(window, now),
  }))
}

/**
 * Opens the windows that the lines fall in and that are not open yet. Opening belongs to the clock, not to the call: it
 * stays when the call is refused.
 */
export function openWindows(book: Book, lines: readonly HeldLine[], id: string, at: number): LineRefusal | undefined {
  for (const { budget, window } of lines) {
    if (window === undefined || budget.state !== 'open') continue
    const refused = { budget: budget.id, remaining: budget.available }
    if (budget.children !== undefined) return { ...refused, reason: 'windowed' }
    if (budget.window !== undefined && window[0] < budget.window[0]) return { ...refused, reason: 'clock_skew' }
    if (!book.openWindow(budget, window, { op: 'window', id, at })) return { ...refused, reason: 'overflow' }
  }
  return undefined
}

/** Why a hold's lines cannot be placed: the first budget that says no. */
export function refuseLines(book: Book, lines: readonly HeldLine[], overdraft: boolean): LineRefusal | undefined {
  for (const { budget, amount, window } of lines) {
    const verdict = book.judge(budget, amount)
    if (!verdict.allowed && !(overdraft && budget.state === 'open')) {
      const refused = { reason: verdict.reason, budget: budget.id, remaining: verdict.remaining }
      const helps = window !== undefined && budget.state === 'open' && amount <= (budget.initial ?? 0)
      return helps ? { ...refused, resetAt: window[1] } : refused
    }
  }
  for (const { budget, amount } of lines) {
    if (!fits(budget, holdChange(budget, amount)))
      return { reason: 'overflow', budget: budget.id, remaining: budget.available }
  }
  return undefined
}

/** Why no line may be leased: a window would end while the lease goes on. */
export function refuseWindow(lines: readonly HeldLine[]): LineRefusal | undefined {
  const { budget } = lines.find((line) => line.budget.window !== undefined) ?? {}
  return budget && { reason: 'windowed', budget: budget.id, remaining: budget.available }
}

/** A line of another unit than credits is charged as it was held: a call counts as one, whatever it cost. */
export function lineEvent(line: HeldLine, event: HoldEvent): HoldEvent {
  return event.kind === 'capture' && !isMoney(line) ? { ...event, amount: line.amount } : event
}

function refused(reason: EnforcerReason, line: HoldLine): LineRefusal {
  return { reason, budget: budgetId(line.budget), remaining: 0 }
}

function windowAt(window: LineWindow, now: number): WindowSpan | undefined {
  const spans = [window.current, window.previous, window.next]
  const found = spans.find(([from, till]) => from <= now && now < till)
  // A copy: what the caller does with its own later is not the store's business.
  return found && [found[0], found[1]]
}

/** Whether a line is in credits. */
export function isMoney(line: HeldLine): boolean {
  return line.unit === undefined || line.unit === 'credits'
}
