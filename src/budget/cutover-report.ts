import { assertKeys, integer, misconfigured } from '../core/settings.js'
import type { BudgetEventMap, BudgetEvents } from '../core/events.js'
import type { Credits } from '../core/credits.js'

/** Settings of {@link CutoverReport}. */
export interface CutoverReportOptions {
  /** The events of the steps in shadow mode. */
  readonly events: BudgetEvents
  /** How many calls must have been seen before the answer can be yes: 1,000 by default. */
  readonly minCalls?: number
  /** Which share of the calls may be refused, from 0 to 1: 0.01 by default. */
  readonly maxShare?: number
  /** How many refused calls are listed one by one, the newest: 1,000 by default. */
  readonly keep?: number
}

/** Calls that were seen, and how many of them hard mode would have refused. */
export interface CutoverCount {
  calls: number
  refused: number
}

/** Counts with credits: what was put aside in the simulation for calls whose end is known, and what of it was charged. */
export interface CutoverSum extends CutoverCount {
  held: Credits
  charged: Credits
  /** `held` by `charged`; `null` where nothing was charged. Far above 1: prices hold more than calls cost. */
  holdToActual: number | null
}

/** A call that hard mode would have refused. */
export interface RefusedCall {
  readonly chargeId: string
  readonly tool: string
  /** The budget that could not pay; `null` where none was asked. */
  readonly budget: string | null
  readonly error: string
  readonly reason: string
  /** When it began, ISO 8601. */
  readonly at: string
}

/** What {@link CutoverReport} knows, as plain data for JSON. */
export interface CutoverSummary extends CutoverSum {
  /** Whether hard mode can be switched on. */
  readonly ready: boolean
  /** Why not; empty when it can. */
  readonly because: readonly string[]
  /** `refused` by `calls`; 0 without calls. */
  readonly share: number
  /** A call on several budgets counts in each; a refused one was refused by one of them. */
  readonly byBudget: Readonly<Record<string, CutoverCount>>
  readonly byTool: Readonly<Record<string, CutoverSum>>
  /** By the hour in which calls began, such as `2026-11-27T08Z`. */
  readonly byHour: Readonly<Record<string, CutoverCount>>
  /** How many were refused, by reason. */
  readonly byReason: Readonly<Record<string, number>>
  /** Calls of tools without a price, by tool, whether they would have been refused or not. */
  readonly unpriced: Readonly<Record<string, number>>
  /** In the order in which hard mode would have refused them. */
  readonly refusedCalls: readonly RefusedCall[]
  /** How many older ones are not listed. */
  readonly dropped: number
  /** How many times the simulation's store failed. */
  readonly faults: number
}

/** How many names each table has; what comes later counts under `(other)`. */
const MAX_NAMES = 1_000
const MAX_NAME = 128
const OTHER = '(other)'
const SHOWN = 5

/**
 * Reads shadow mode, and says whether hard mode can be switched on: what it would have refused, by budget, tool, hour
 * and reason; which tools have no price; how much is held for what is charged. Everything in it is bounded.
 *
 * @throws BudgetError `invalid_config`
 * @example
 * ```ts
 * const events = new BudgetEvents()
 * const report = new CutoverReport({ events })
 * const shadow = meter({ mode: 'shadow', enforcer, budget: 'agent-1', prices, events })
 * // … some days later
 * const { ready, because } = report.summary()
 * ```
 */
export class CutoverReport {
  readonly #events: BudgetEvents
  readonly #minCalls: number
  readonly #maxShare: number
  readonly #keep: number
  readonly #all = newSum()
  readonly #byBudget = new Map<string, CutoverCount>()
  readonly #byTool = new Map<string, CutoverSum>()
  readonly #byHour = new Map<string, CutoverCount>()
  readonly #byReason = new Map<string, CutoverCount>()
  readonly #unpriced = new Map<string, CutoverCount>()
  /** Budgets that do not exist, or take no calls. */
  readonly #absent = new Map<string, CutoverCount>()
  readonly #refusedCalls: RefusedCall[] = []
  #unanswered = 0
  #faults = 0

  constructor(options: CutoverReportOptions) {
    assertKeys(options, ['events', 'minCalls', 'maxShare', 'keep'], 'options')
    const { events, maxShare = 0.01 } = options
    if (typeof events?.on !== 'function') throw misconfigured('events', 'the `BudgetEvents` of the steps', events)
    if (!(maxShare >= 0 && maxShare <= 1)) throw misconfigured('maxShare', 'a number from 0 to 1', maxShare)
    this.#events = events
    this.#maxShare = maxShare
    this.#minCalls = integer(
      options.minCalls,
      { least: 1, most: Number.MAX_SAFE_INTEGER, otherwise: 1_000 },
      'minCalls',
    )
    this.#keep = integer(options.keep, { least: 0, most: 100_000, otherwise: 1_000 }, 'keep')
    events.on('simulated', this.#simulated).on('fault', this.#fault)
  }

  /** What is known so far. A call that is under way is not in it yet. */
  summary(): CutoverSummary {
    const because = this.#because()
    return {
      ready: because.length === 0,
      because,
      ...ended(this.#all),
      share: this.#share(),
      byBudget: plain(this.#byBudget, (row) => ({ ...row })),
      byTool: plain(this.#byTool, ended),
      byHour: plain(this.#byHour, (row) => ({ ...row })),
      byReason: plain(this.#byReason, (row) => row.refused),
      unpriced: plain(this.#unpriced, (row) => row.calls),
      refusedCalls: [...this.#refusedCalls],
      dropped: this.#all.refused - this.#refusedCalls.length,
      faults: this.#faults,
    }
  }

  /** Listens no more. What is known stays. */
  stop(): void {
    this.#events.off('simulated', this.#simulated).off('fault', this.#fault)
  }

  readonly #simulated = ({ call, at, budgets, charge, refusal, unpriced }: BudgetEventMap['simulated'][0]): void => {
    const refused = refusal === undefined ? 0 : 1
    const began = new Date(at).toISOString()
    const tool = rowOf(this.#byTool, call.tool, newSum)
    for (const row of [this.#all, tool, rowOf(this.#byHour, `${began.slice(0, 13)}Z`, newCount)]) add(row, refused)
    for (const budget of budgets) {
      add(rowOf(this.#byBudget, budget, newCount), refusal?.budget === budget ? 1 : 0)
    }
    if (unpriced || refusal?.error === 'unpriced_tool') add(rowOf(this.#unpriced, call.tool, newCount), refused)
    if (charge !== undefined && charge.end !== 'kept') {
      for (const row of [this.#all, tool]) {
        row.held += charge.held
        row.charged += charge.charged
      }
    }
    if (refusal === undefined) return
    const { error, reason, budget = null } = refusal
    add(rowOf(this.#byReason, reason, newCount), 1)
    if (error === 'unauthorized' && budget !== null) add(rowOf(this.#absent, budget, newCount), 1)
    if (error === 'budget_unavailable') this.#unanswered++
    this.#refusedCalls.push({ chargeId: call.id, tool: call.tool.slice(0, MAX_NAME), budget, error, reason, at: began })
    if (this.#refusedCalls.length > this.#keep) this.#refusedCalls.shift()
  }

  readonly #fault = ({ where }: BudgetEventMap['fault'][0]): void => {
    if (where === 'shadow') this.#faults++
  }

  #share(): number {
    return this.#all.refused / Math.max(1, this.#all.calls)
  }

  #because(): string[] {
    const { calls, refused } = this.#all
    const unanswered = Math.max(this.#unanswered, this.#faults)
    const because: string[] = []
    if (calls < this.#minCalls) because.push(`${calls} calls were seen, ${this.#minCalls} are needed`)
    if (this.#share() > this.#maxShare)
      because.push(
        `${refused} of ${calls} calls would be refused, more than ${Number((this.#maxShare * 100).toFixed(2))} %`,
      )
    if (this.#unpriced.size > 0) because.push(`tools without a price were called: ${names(this.#unpriced)}`)
    if (this.#absent.size > 0) because.push(`budgets do not exist or are closed: ${names(this.#absent)}`)
    if (unanswered > 0) because.push(`the store gave no answer, ${unanswered} times`)
    return because
  }
}

const newCount = (): CutoverCount => ({ calls: 0, refused: 0 })
const newSum = (): CutoverSum => ({ ...newCount(), held: 0, charged: 0, holdToActual: null })

function rowOf<Row>(table: Map<string, Row>, name: string, make: () => Row): Row {
  const isOther = !table.has(name) && (table.size >= MAX_NAMES || name.length > MAX_NAME)
  const key = isOther ? OTHER : name
  const row = table.get(key) ?? make()
  table.set(key, row)
  return row
}

function add(row: CutoverCount, refused: number): void {
  row.calls++
  row.refused += refused
}

function ended(sum: CutoverSum): CutoverSum {
  return { ...sum, holdToActual: sum.charged === 0 ? null : sum.held / sum.charged }
}

// Not by assignment: a tool may be called `__proto__`.
function plain<Row, Value>(table: ReadonlyMap<string, Row>, show: (row: Row) => Value): Record<string, Value> {
  return Object.fromEntries(Array.from(table, ([name, row]) => [name, show(row)]))
}

function names(table: ReadonlyMap<string, unknown>): string {
  const all = [...table.keys()]
  const more = all.length - SHOWN
  return all.slice(0, SHOWN).join(', ') + (more > 0 ? ` and ${more} more` : '')
}
