import type { Charge } from '../core/outcome.js'
import type { Credits } from '../core/credits.js'
import type { MaybePromise } from '../core/maybe-promise.js'
import type { Refusal } from '../core/refusal.js'
import type { TaskTerms } from '../core/operation.js'
import type { ToolCall } from '../core/call.js'
import type { CallHold } from './call-hold.js'
import type { HoldFate } from './end.js'
import type { HoldLine } from './enforcer.js'

/** How `withBudget` puts a call's money aside and ends it; one for each kind of store and for shadow mode. */
export interface Gate {
  place(call: ToolCall, cost: Credits, lines: readonly HoldLine[]): MaybePromise<CallHold | Refusal>
  /** Goes on with what was put aside for an earlier round of the call; a round that was used before is refused. */
  resume(call: ToolCall, cost: Credits, lines: readonly HoldLine[]): MaybePromise<CallHold | Refusal>
  /** Never throws and never loses a known spend. */
  end(call: ToolCall, hold: CallHold, fate: HoldFate, cost: Credits, amount: Credits): MaybePromise<Charge>
  /** Leaves it for `waitMs` to the call's next round, which may never come. */
  wait(call: ToolCall, hold: CallHold, cost: Credits, waitMs: number): MaybePromise<Charge>
  /** Keeps it for a task, on terms of its own. */
  keep(call: ToolCall, hold: CallHold, cost: Credits, terms: TaskTerms): MaybePromise<Charge>
  /** Keeps what was put aside for `ttlMs` from now on. */
  extend(call: ToolCall, hold: CallHold, ttlMs: number): void
}
