import { assertKeys, misconfigured, oneOf } from '../core/settings.js'
import { budgetId, type BudgetId } from './budget-id.js'
import { compileWindow, type WindowsAt, type WindowSpec } from './window.js'
import type { Clock } from '../core/clock.js'
import type { Credits } from '../core/credits.js'
import type { ToolCall } from '../core/call.js'
import type { HoldLine } from './enforcer.js'
import type { Identified } from './principal.js'

/**
 * One budget that pays: by name for the call's cost, or with `unit: 'calls'` for one call, whatever it costs. With a
 * `window` it begins anew with each hour, day, week, month or span of time.
 */
export type BudgetLine =
  BudgetId | { readonly budget: BudgetId; readonly unit?: 'credits' | 'calls'; readonly window?: WindowSpec }

/** Who pays: one budget, several at once, or whoever a function names for a call. */
export type BudgetSpec = BudgetLine | readonly BudgetLine[] | ((call: ToolCall) => BudgetLine | readonly BudgetLine[])

/** Makes the lines of a call. Their windows are those of the moment, so they are made when they are needed. */
export type MakeLines = (cost: Credits) => readonly HoldLine[]

interface Payer {
  readonly budget: BudgetId
  readonly calls: boolean
  readonly windows: WindowsAt | undefined
}

/** How many windows are kept compiled that a function has named; then it begins again with none. */
const MAX_WINDOWS = 100

/**
 * Compiles who pays into a function that says so for a call. Fixed payers are checked here, once. Where a token pays,
 * its budget is the first line, and the others come to it.
 *
 * @throws BudgetError `invalid_budget_id`, `invalid_config`
 */
export function compileLines(spec: BudgetSpec | undefined, clock: Clock): (call: ToolCall) => MakeLines {
  const named = namedLines(spec, clock)
  return (call) => {
    const { principal } = call as ToolCall & Partial<Identified>
    return principal === undefined ? named(call) : onFirstLine(principal.budget, named(call))
  }
}

function namedLines(spec: BudgetSpec | undefined, clock: Clock): (call: ToolCall) => MakeLines {
  if (typeof spec === 'function') {
    const windowsOf = remembered()
    return (call) => linesOf(payers(spec(call), windowsOf), clock)
  }
  const fixed = spec === undefined ? () => [] : linesOf(payers(spec, compileWindow), clock)
  return () => fixed
}

/** The principal pays first: as a line says that names its budget, else what the call costs. */
function onFirstLine(budget: BudgetId, named: MakeLines): MakeLines {
  return (cost) => {
    const lines = named(cost)
    const own = lines.find((line) => line.budget === budget)
    return [own ?? { budget, amount: cost }, ...lines.filter((line) => line !== own)]
  }
}

function payers(
  spec: BudgetLine | readonly BudgetLine[],
  windowsOf: (spec: WindowSpec) => WindowsAt,
): readonly Payer[] {
  const list = (Array.isArray(spec) ? spec : [spec]) as readonly BudgetLine[]
  const all = list.map((line) => {
    if (typeof line === 'string') return { budget: budgetId(line), calls: false, windows: undefined }
    const budget = budgetId(line?.budget)
    assertKeys(line, ['budget', 'unit', 'window'], 'budget')
    const { unit, window } = line
    const calls = oneOf(unit, ['credits', 'calls'], 'budget.unit') === 'calls'
    return { budget, calls, windows: window === undefined ? undefined : windowsOf(window) }
  })
  if (all.length === 0 || new Set(all.map((payer) => payer.budget)).size < all.length) {
    throw misconfigured('budget', 'at least one budget, and each once', all.length)
  }
  return all
}

function linesOf(all: readonly Payer[], clock: Clock): MakeLines {
  const [first] = all
  const only = all.length === 1 && first?.calls === false && first.windows === undefined ? first.budget : undefined
  if (only !== undefined) return (cost) => [{ budget: only, amount: cost }]
  return (cost) =>
    all.map(({ budget, calls, windows }) => {
      const line = calls ? { budget, amount: 1, unit: 'calls' } : { budget, amount: cost }
      return windows === undefined ? line : { ...line, window: windows(clock.now()) }
    })
}

/** By the text of a spec, for a function may well write a new one for each call. */
function remembered(): (spec: WindowSpec) => WindowsAt {
  const known = new Map<string, WindowsAt>()
  return (spec) => {
    const text = JSON.stringify(spec)
    let windows = known.get(text)
    if (windows === undefined) {
      windows = compileWindow(spec)
      if (known.size >= MAX_WINDOWS) known.clear()
      known.set(text, windows)
    }
    return windows
  }
}
