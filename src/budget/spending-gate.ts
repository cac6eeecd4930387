import { BudgetError } from '../core/errors.js'
import { isPromise, type MaybePromise } from '../core/maybe-promise.js'
import { isUnreached, reach, type Unreached } from './reach.js'
import { refusalOfStore, unavailable } from './refusals.js'
import type { BudgetEnforcer, BudgetResult, HoldLine } from './enforcer.js'
import type { BudgetSettings } from './options.js'
import type { CallHold } from './call-hold.js'
import type { Charge } from '../core/outcome.js'
import type { Credits } from '../core/credits.js'
import type { Gate } from './gate.js'
import type { HoldFate } from './end.js'
import type { Outage } from './outage.js'
import type { Refusal } from '../core/refusal.js'
import type { ToolCall } from '../core/call.js'

/** Pays before the call, on a store with four verbs. Nothing can be given back, whatever the outcome. */
export class SpendingGate implements Gate {
  readonly #enforcer: BudgetEnforcer
  readonly #settings: BudgetSettings
  readonly #outage: Outage

  constructor(enforcer: BudgetEnforcer, settings: BudgetSettings, outage: Outage) {
    this.#enforcer = enforcer
    this.#settings = settings
    this.#outage = outage
  }

  place(call: ToolCall, cost: Credits, lines: readonly HoldLine[]): MaybePromise<CallHold | Refusal> {
    const decided = this.#outage.decideWithoutStore(call, cost, lines)
    if (decided !== undefined) return decided
    const answer = this.#spend(call, onlyLine(lines))
    return isPromise(answer)
      ? answer.then((later) => this.#placed(call, cost, lines, later))
      : this.#placed(call, cost, lines, answer)
  }

  end(call: ToolCall, hold: CallHold, _fate: HoldFate, cost: Credits): Charge {
    if (hold.state !== 'journaled') return { held: cost, charged: cost, end: 'captured' }
    const line = onlyLine(hold.lines)
    const post = (): MaybePromise<string | undefined> => {
      const answer = this.#enforcer.spend({
        chargeId: call.id,
        budget: line.budget,
        tool: call.tool,
        cost: line.amount,
      })
      return isPromise(answer) ? answer.then(reasonOf) : reasonOf(answer)
    }
    this.#outage.outbox.add({ chargeId: call.id, post }, 'the store was out of reach when the call began')
    return { held: cost, charged: cost, end: 'pending' }
  }

  extend(): void {}

  #spend(call: ToolCall, line: HoldLine): MaybePromise<BudgetResult | Unreached> {
    const { storeTimeoutMs: timeoutMs, clock } = this.#settings
    return reach(
      () => this.#enforcer.spend({ chargeId: call.id, budget: line.budget, tool: call.tool, cost: line.amount }),
      { timeoutMs, clock },
    )
  }

  #placed(
    call: ToolCall,
    cost: Credits,
    lines: readonly HoldLine[],
    answer: BudgetResult | Unreached,
  ): CallHold | Refusal {
    if (isUnreached(answer)) return this.#outage.unreached(call, cost, lines, answer)
    this.#outage.reached()
    if (answer?.allowed === true) return { state: 'spent', lines, remaining: answer.remaining, debt: 0 }
    if (answer?.allowed !== false) return unavailable(call, cost, lines[0]?.budget, 'the store answered no `allowed`')
    const refusal = refusalOfStore(call, cost, { ...answer, budget: onlyLine(lines).budget })
    const forgiven = this.#settings.mode === 'soft' && refusal.error === 'budget_exhausted'
    return forgiven ? { state: 'spent', lines, remaining: answer.remaining, debt: cost } : refusal
  }
}

function onlyLine(lines: readonly HoldLine[]): HoldLine {
  const line = lines[0]
  if (line !== undefined && lines.length === 1) return line
  throw new BudgetError({
    code: 'not_supported',
    message: `Expected one budget with a store of four verbs, got ${lines.length}; several at once need a store that can hold`,
  })
}

function reasonOf(answer: BudgetResult): string | undefined {
  return answer.allowed ? undefined : (answer.reason ?? 'insufficient')
}
