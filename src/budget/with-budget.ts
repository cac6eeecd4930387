import { admitByToken } from './admit-by-token.js'
import { approveCall } from './approval.js'
import { spendable } from './spendable.js'
import { balances, legacyBalance } from './balance.js'
import { budgetSettings, type BudgetOptions, type BudgetSettings, type PrincipalBudgetOptions } from './options.js'
import { budgetsOf, type CallHold, type Held } from './call-hold.js'
import { canHold, type BudgetEnforcer, type BudgetResult, type HoldingEnforcer, type HoldLine } from './enforcer.js'
import type { Authority, Authorized } from './authority.js'
import { compileLines, type MakeLines } from './lines.js'
import { endTask } from './end-task.js'
import { fateOf } from './end.js'
import { HoldingGate } from './holding-gate.js'
import { andThen, isPromise, type MaybePromise } from '../core/maybe-promise.js'
import { isUnreached, reach } from './reach.js'
import { Outage } from './outage.js'
import { refusalOfStore } from './refusals.js'
import { ShadowGate } from './shadow-gate.js'
import { withAdvisory } from './advisory.js'
import { assertCredits, isCredits } from '../core/credits.js'
import { refuse, type Refusal } from '../core/refusal.js'
import { callRef } from '../core/events.js'
import type { CallMiddleware } from '../core/middleware.js'
import type { CallOutcome, Charge } from '../core/outcome.js'
import type { Gate } from './gate.js'
import type { JsonObject } from '../core/json.js'
import type { Identified } from './principal.js'
import type { PriceCharge, Priced } from '../core/price.js'
import type { Tracked } from '../core/operation.js'
import { copyCall, type ToolCall } from '../core/call.js'

/** The step that `withBudget` makes. */
export interface BudgetMiddleware<Needs = Priced> extends CallMiddleware<Needs, Held> {
  /** How many ends of calls the store has not acknowledged yet. */
  readonly pending: number
  /** Tries to post them now; call it before the process ends. */
  flush(): Promise<void>
}

/** A call older than this is not kept alive any more. */
const LONGEST_HOLD_MS = 86_400_000

/** How many approved calls are remembered; of one that is not, a later round is asked for again. */
const MOST_APPROVED = 10_000

/**
 * The step that touches money: puts a call's cost aside before it is forwarded, and ends the hold by what the outcome
 * proves (docs/reference/outcomes.md). Needs a price, from `withCostProfile`. A call that cannot be paid is refused and
 * never forwarded; a refusal costs nothing. Each hold ends exactly once, whatever happens to the call.
 *
 * Behind `withDelegation` the budget of the token is the first line, and `budget` may be left out.
 *
 * Refuses with `unauthorized` (no such budget), `forbidden_tool` (a token that does not allow the cost),
 * `budget_exhausted`, `approval_required`, `cross_partition`, `budget_unavailable`.
 *
 * @throws BudgetError `invalid_config`, `invalid_budget_id` for settings that make no sense
 * @example
 * ```ts
 * withBudget({ enforcer, budget: 'agent-1' })
 * withBudget({ enforcer, budget: ['agent-1', 'team', { budget: 'team-calls', unit: 'calls' }] })
 * withBudget({ enforcer, budget: { budget: 'agent-1-day', window: { every: 'day', zone: 'Europe/Berlin' } } })
 * withBudget({ enforcer, budget: 'agent-1', approveAbove: 100, approve: (call, price) => ask(call.tool, price.cost) })
 * ```
 */
export function withBudget(options: BudgetOptions): BudgetMiddleware
/** As above, where a token says who pays: behind `withDelegation`. */
export function withBudget(options: PrincipalBudgetOptions): BudgetMiddleware<Priced & Identified>
export function withBudget(options: PrincipalBudgetOptions): BudgetMiddleware {
  return new BudgetStep(budgetSettings(options))
}

class BudgetStep implements BudgetMiddleware {
  readonly name = 'withBudget'
  readonly needs: readonly string[]
  readonly gives = ['hold']
  readonly uses = ['principal', 'operation']
  readonly extendEveryMs: number
  readonly methods: NonNullable<CallMiddleware['methods']>
  readonly shadow: boolean
  readonly #settings: BudgetSettings
  readonly #payers: ReturnType<typeof compileLines>
  readonly #outage: Outage
  readonly #gate: Gate
  readonly admit = (request: ToolCall): MaybePromise<ToolCall | Refusal> => admitByToken(this.#settings, request)
  /** Calls that were approved, for their later rounds. */
  readonly #approved = new Set<string>()

  constructor(settings: BudgetSettings) {
    const { enforcer, mode, ttlMs, hideBalance } = settings
    this.#settings = settings
    this.needs = ['cost', 'price', ...(settings.budget === undefined ? ['principal'] : [])]
    this.#payers = compileLines(settings.budget, settings.clock)
    this.#outage = new Outage(settings)
    this.extendEveryMs = ttlMs / 2
    this.shadow = mode === 'shadow'
    const balance = (request: ToolCall): MaybePromise<JsonObject | Refusal> =>
      balances(settings, request, this.#payers(request)(0))
    this.methods = hideBalance
      ? {}
      : { 'budget/balance': balance, 'satgate/budget': (request) => andThen(balance(request), legacyBalance) }
    this.#gate = mode === 'shadow' ? new ShadowGate(settings) : new HoldingGate(enforcer, settings, this.#outage)
  }

  get pending(): number {
    return this.#outage.outbox.size
  }

  flush(): Promise<void> {
    return this.#outage.outbox.flush()
  }

  enter(call: ToolCall & Priced & Partial<Identified>): MaybePromise<(ToolCall & Priced & Held) | Refusal> {
    const { approve, approveAbove } = this.#settings
    if (this.#gate instanceof ShadowGate) return this.#placed(call, this.#gate.watch(call, this.#payers))
    if (!isCredits(call.cost)) {
      return this.#refused(call, refuse(call.tool, { error: 'unpriced_tool', reason: 'invalid_price' }))
    }
    const denied = call.principal?.denies?.(call.cost)
    if (denied !== undefined) return this.#refused(call, denied)
    let makeLines: MakeLines
    try {
      makeLines = this.#payers(call)
    } catch (error) {
      // A function of the user's own that names no budget, or none that can be one.
      const detail = { step: this.name, error }
      return this.#refused(call, refuse(call.tool, { error: 'step_failed', reason: 'step_failed', detail }))
    }
    const resumes = call.round > 0
    const asks = approve !== undefined && call.cost > approveAbove && !this.#approved.has(call.id)
    if (!asks) return resumes ? this.#resume(call, makeLines) : this.#place(call, makeLines)
    const cannotPay = resumes ? undefined : this.#cannotPay(call, makeLines(call.cost))
    return andThen(cannotPay, (refusal) => refusal ?? this.#ask(call, makeLines))
  }

  leave(call: ToolCall & Priced & Held & Tracked, outcome: CallOutcome): MaybePromise<CallOutcome> {
    const { hold, cost, operation } = call
    const told = this.#chargeOf(call, outcome)
    const charge =
      outcome.kind === 'input-required' && outcome.waitMs !== undefined
        ? this.#gate.wait(call, hold, cost, outcome.waitMs)
        : outcome.kind === 'task' && operation !== undefined
          ? this.#gate.keep(call, hold, cost, operation.keep(outcome))
          : this.#gate.end(call, hold, fateOf(outcome, this.#settings, call.round), cost, told.amount)
    if (isPromise(charge)) return charge.then((later) => this.#charged(call, outcome, later, told))
    return this.#charged(call, outcome, charge, told)
  }

  task(call: ToolCall & Priced & Held & Tracked, outcome: CallOutcome): MaybePromise<CallOutcome> {
    const { hold, cost, operation } = call
    const fate = operation?.task?.fate
    if (outcome.kind === 'task' && operation !== undefined)
      return andThen(this.#gate.keep(call, hold, cost, operation.keep(outcome)), () => outcome)
    if (fate === undefined) return outcome
    const told = this.#chargeOf(call, outcome)
    return andThen(endTask(this.#gate, call, fate, told.amount), (charge) => this.#charged(call, outcome, charge, told))
  }

  payer(call: ToolCall): string {
    return this.#payers(call)(0)[0]?.budget ?? ''
  }

  extend(call: ToolCall & Priced & Held): void {
    const { clock, ttlMs } = this.#settings
    if (clock.now() - call.startedAt < LONGEST_HOLD_MS) this.#gate.extend(call, call.hold, ttlMs)
  }

  // A price of one's own may throw, or answer with what is no amount: then all that was held is charged.
  #chargeOf({ price, cost }: Priced, outcome: CallOutcome): PriceCharge {
    try {
      const charge = price.charge(outcome)
      assertCredits(charge.amount, 'amount')
      return charge
    } catch (error) {
      this.#settings.events.emit('fault', { where: 'price', error })
      return { amount: cost }
    }
  }

  #ask(call: ToolCall & Priced, makeLines: MakeLines): MaybePromise<(ToolCall & Priced & Held) | Refusal> {
    const approved = approveCall(call, this.#settings.approve as NonNullable<BudgetSettings['approve']>)
    return andThen(approved, (answer) =>
      answer.kind === 'refused' ? this.#refused(call, answer) : this.#approve(answer, makeLines),
    )
  }

  // A later round of it has the same arguments and the same price, or it is another call.
  #approve(
    call: ToolCall & Priced & Partial<Identified>,
    makeLines: MakeLines,
  ): MaybePromise<(ToolCall & Priced & Held) | Refusal> {
    const [oldest] = this.#approved
    if (oldest !== undefined && this.#approved.size >= MOST_APPROVED) this.#approved.delete(oldest)
    this.#approved.add(call.id)
    // It may have taken longer than the token lives.
    const denied = call.principal?.denies?.(call.cost)
    if (denied !== undefined) return this.#refused(call, denied)
    return call.round > 0 ? this.#resume(call, makeLines) : this.#place(call, makeLines)
  }

  #resume(call: ToolCall & Priced, makeLines: MakeLines): MaybePromise<(ToolCall & Priced & Held) | Refusal> {
    return this.#settle(call, this.#gate.resume(call, call.cost, makeLines(call.cost)))
  }

  // Nobody is asked to approve a call that the budget cannot pay. Advisory: the hold decides.
  #cannotPay(call: ToolCall & Priced, lines: readonly HoldLine[], from = 0): MaybePromise<Refusal | undefined> {
    const { enforcer, mode, storeTimeoutMs: timeoutMs, clock } = this.#settings
    const line = lines[from]
    if (line === undefined || mode === 'soft') return undefined
    // A check knows no windows, and this one may be about to begin.
    if (line.window !== undefined) return this.#cannotPay(call, lines, from + 1)
    const { authority } = call as Authorized
    return andThen(
      reach(() => checkOf(enforcer, line, from === 0 ? authority : undefined), { timeoutMs, clock }),
      (answer) => {
        // To whom a budget is not shown, it is not there.
        if (isUnreached(answer) && answer.misuse && authority !== undefined)
          return this.#refused(
            call,
            refusalOfStore(call, call.cost, { budget: line.budget, remaining: 0, reason: 'revoked' }),
          )
        if (isUnreached(answer) || answer?.allowed !== false) return this.#cannotPay(call, lines, from + 1)
        return this.#refused(call, refusalOfStore(call, call.cost, { ...answer, budget: line.budget }))
      },
    )
  }

  // The lines are made here: by the time that an approval comes, other windows may be open.
  #place(call: ToolCall & Priced, makeLines: MakeLines): MaybePromise<(ToolCall & Priced & Held) | Refusal> {
    return this.#settle(call, this.#gate.place(call, call.cost, makeLines(call.cost)))
  }

  #settle(
    call: ToolCall & Priced,
    placed: MaybePromise<CallHold | Refusal>,
  ): MaybePromise<(ToolCall & Priced & Held) | Refusal> {
    return isPromise(placed) ? placed.then((later) => this.#placed(call, later)) : this.#placed(call, placed)
  }

  #placed(call: ToolCall & Priced, placed: CallHold | Refusal): (ToolCall & Priced & Held) | Refusal {
    // The seat takes a round that was used before for a call of its own, which begins anew.
    if ('error' in placed) return placed.reason === 'round_used' ? placed : this.#refused(call, placed)
    const { events } = this.#settings
    if (call.round === 0 && events.heard('held')) {
      events.emit('held', {
        call: callRef(call),
        budgets: budgetsOf(placed),
        cost: call.cost,
        remaining: placed.remaining ?? 0,
      })
    }
    if (call.round === 0 && placed.debt > 0)
      events.emit('overdrawn', { call: callRef(call), cost: call.cost, debt: placed.debt })
    const held = copyCall(call)
    held.hold = placed
    return held as unknown as ToolCall & Priced & Held
  }

  #refused(call: ToolCall, refusal: Refusal): Refusal {
    const { events, hideBalance } = this.#settings
    events.emit('refused', { call: callRef(call), refusal, enforced: true })
    return hideBalance ? { ...refusal, remaining: undefined } : refusal
  }

  #charged(call: ToolCall & Held & Tracked, ended: CallOutcome, charge: Charge, told: PriceCharge): CallOutcome {
    const outcome = withAdvisory(ended, call.hold, charge, this.#settings)
    const { reported, full: undiscounted } = told
    const kept = charge.end === 'kept' && call.operation !== undefined && ended.kind !== 'task'
    const isPlain = reported === undefined && undiscounted === undefined && !kept
    const full: Charge = isPlain
      ? charge
      : {
          ...charge,
          ...(reported !== undefined && { reported }),
          ...(undiscounted !== undefined &&
            (charge.end === 'captured' || charge.end === 'pending') && { full: undiscounted }),
          ...(kept && { onExpire: this.#settings.onExpire }),
        }
    const { events } = this.#settings
    if (events.heard('charged')) events.emit('charged', { call: callRef(call), outcome: outcome.kind, charge: full })
    // Written out for the usual case: a spread costs more than the rest of this step.
    if (outcome.kind !== 'result') return { ...outcome, charge: full }
    return { kind: 'result', proves: outcome.proves, result: outcome.result, charge: full }
  }
}

/** Whether a line could be paid now; for a token, within what it may spend. */
function checkOf(
  enforcer: BudgetEnforcer | HoldingEnforcer,
  { budget, amount }: HoldLine,
  authority: Authority | undefined,
): MaybePromise<BudgetResult> {
  if (authority === undefined || !canHold(enforcer)) return enforcer.check(budget, amount)
  return andThen(enforcer.describe(budget, authority), (view) => {
    const remaining = spendable(view)
    if (view.state !== 'open') return { allowed: false, remaining: 0, reason: 'closed' }
    return amount <= remaining ? { allowed: true, remaining } : { allowed: false, remaining, reason: 'insufficient' }
  })
}
