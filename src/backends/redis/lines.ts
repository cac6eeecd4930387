import { budgetId } from '../../budget/budget-id.js'
import { sound } from './step.js'
import type { HoldLine, WindowSpan } from '../../budget/enforcer.js'

/** The lines of a hold as the script takes them: `[budget, amount, unit, current, previous, next]`. */
export function linesAsLists(lines: readonly HoldLine[]): unknown[][] {
  return lines.map(({ budget, amount, unit, window }) => {
    const line = [budgetId(budget), String(amount + 0), unit === undefined ? false : sound(unit)]
    if (window === undefined) return [...line, false]
    return [...line, ...[window.current, window.previous, window.next].map(asText)]
  })
}

function asText([from, till]: WindowSpan): string[] {
  return [String(from), String(till)]
}
