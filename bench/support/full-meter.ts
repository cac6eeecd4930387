import { built } from './built.js'
import type { BudgetEvents, CallMiddleware, InMemoryBudgetEnforcer, MemoryLedger, Meter } from 'mcp-budget'

/** More than the store and the ledger remember: past it, each call makes them forget one. */
const AGE = 110_000

export interface FullMeter {
  readonly meter: Meter
  readonly enforcer: InMemoryBudgetEnforcer
  readonly ledger: MemoryLedger
  readonly events: BudgetEvents
}

export const TEN_RULES: Readonly<Record<string, number>> = {
  ...Object.fromEntries(Array.from({ length: 5 }, (_, i) => [`exact_tool_${i}`, i])),
  ...Object.fromEntries(Array.from({ length: 4 }, (_, i) => [`wild_${i}_*`, i])),
  'ec*': 5,
}

/**
 * Full enforcement: a price by wildcard, a hold, a capture, their two entries and the call's record in one ledger, and
 * a listener of `charged`. Aged: the store and the ledger are as full as they get.
 */
export function fullMeter(costs: Readonly<Record<string, number>> = TEN_RULES): FullMeter {
  const ledger = new built.MemoryLedger()
  const events = new built.BudgetEvents()
  const enforcer = new built.InMemoryBudgetEnforcer({ ledger })
  const heard = { calls: 0 }
  events.on('charged', () => void heard.calls++)
  enforcer.initialize('agent-1', 1e15)
  const meter = built.meter({ enforcer, budget: 'agent-1', prices: { defaultCost: 1, costs }, ledger, events })
  for (let i = 0; i < AGE; i++) void meter.run({ tool: 'echo' }, () => ({ content: [] }))
  if (heard.calls !== AGE) throw new Error(`${heard.calls} of ${AGE} calls were charged`)
  return { meter, enforcer, ledger, events }
}

/** A step that does nothing: what is left is the seat and the engine. */
export const PASS_THROUGH: CallMiddleware = { name: 'pass-through', enter: (call) => call }
