import { andThen, isPromise, type MaybePromise } from '../core/maybe-promise.js'
import { BudgetError } from '../core/errors.js'
import { holdRequest } from './hold-request.js'
import { isUnreached, reach, type Unreached } from './reach.js'
import { canPay, payInAdvance, type Holder } from './pay-in-advance.js'
import { RefusalMemory } from './refusal-memory.js'
import { mintChargeId } from '../core/ids.js'
import { refusalOfStore, unavailable } from './refusals.js'
import type { Charge } from '../core/outcome.js'
import type { Credits } from '../core/credits.js'
import type { Refusal } from '../core/refusal.js'
import type { ToolCall } from '../core/call.js'
import type { BudgetSettings } from './options.js'
import type { CallHold } from './call-hold.js'
import {
  canDelegate,
  canHold,
  type BudgetEnforcer,
  type CaptureRequest,
  type CaptureResult,
  type ExtendRequest,
  type ExtendResult,
  type HoldLine,
  type HoldResult,
  type ReleaseResult,
} from './enforcer.js'
import type { Authorized } from './authority.js'
import type { Gate } from './gate.js'
import type { TaskTerms, Tracked } from '../core/operation.js'
import type { HoldFate } from './end.js'
import type { Outage } from './outage.js'

/** What a store says of the end of a hold. */
type End = CaptureResult | ReleaseResult | ExtendResult

/** How many requests for rounds are remembered that nobody heard of. */
const MOST_UNHEARD = 10_000

/** Holds before the call, captures or releases after it; with a store of four verbs it is paid before. */
export class HoldingGate implements Gate {
  readonly #enforcer: Holder
  readonly #paid: boolean
  readonly #settings: BudgetSettings
  readonly #outage: Outage
  readonly #reach: { readonly timeoutMs: number; readonly clock: BudgetSettings['clock'] }
  readonly #refused: RefusalMemory
  /** Requests for rounds that nobody heard of, by call and round. */
  readonly #unheard = new Map<string, string>()

  constructor(enforcer: BudgetEnforcer | Holder, settings: BudgetSettings, outage: Outage) {
    const paid = 'spend' in enforcer && !canHold(enforcer)
    this.#paid = paid
    this.#enforcer = paid ? payInAdvance(enforcer) : enforcer
    this.#settings = settings
    this.#outage = outage
    this.#reach = { timeoutMs: settings.storeTimeoutMs, clock: settings.clock }
    this.#refused = new RefusalMemory(settings.refusalMemoryMs, settings.clock)
  }

  place(call: ToolCall, cost: Credits, lines: readonly HoldLine[]): MaybePromise<CallHold | Refusal> {
    // Several budgets, or windows, are more than a store of four verbs can take: that is for the store to say, in an
    // outage too.
    const canTake = !this.#paid || canPay(lines)
    const decided = canTake ? this.#outage.decideWithoutStore(call, cost, lines) : undefined
    const known = decided ?? this.#refused.find(call, cost, lines)
    if (known !== undefined) return known
    const { authority } = call as Authorized
    if (authority !== undefined && !canDelegate(this.#enforcer)) return unavailable(call, cost, lines, noTokens())
    const request = holdRequest(call, lines, this.#settings)
    const answer = reach(() => this.#enforcer.hold(request), this.#reach)
    if (!isPromise(answer)) return this.#placed(call, cost, lines, answer)
    return answer.then((later) => {
      const placed = this.#placed(call, cost, lines, later)
      if ('error' in placed) this.#refused.remember(call, placed, cost, lines)
      return placed
    })
  }

  resume(call: ToolCall, cost: Credits, lines: readonly HoldLine[]): MaybePromise<CallHold | Refusal> {
    const { ttlMs, clock } = this.#settings
    const { id: holdId, round } = call
    // Two that bring the same round are two requests, only one of which may have it; but one that was refused because
    // nobody heard of the first may come again.
    const key = `${holdId} ${round}`
    const id = this.#unheard.get(key) ?? mintChargeId(clock.now())
    this.#unheard.delete(key)
    const extend = (): MaybePromise<CallHold | Refusal> =>
      andThen(
        reach(() => this.#enforcer.extend({ id, holdId, ttlMs, round, lines }), this.#reach),
        (answer) => {
          if (isUnreached(answer) && this.#unheard.size < MOST_UNHEARD) this.#unheard.set(key, id)
          return this.#resumed(call, cost, lines, answer)
        },
      )
    const { authority } = call as Authorized
    const enforcer: object = this.#enforcer
    if (authority === undefined || !canDelegate(enforcer)) return extend()
    // An extension judges no token: one that was revoked since is found out here.
    return andThen(
      reach(() => enforcer.describe(authority.budget, authority), this.#reach),
      (view) => {
        if (!isUnreached(view)) return extend()
        if (!view.misuse) return unavailable(call, cost, lines, view.cause)
        return refusalOfStore(call, cost, { budget: authority.budget, remaining: 0, reason: 'revoked' })
      },
    )
  }

  end(call: ToolCall, hold: CallHold, fate: HoldFate, cost: Credits, amount: Credits): MaybePromise<Charge> {
    const charged = this.#settings.overage === 'cap' ? Math.min(amount, cost) : amount
    if (hold.state === 'journaled') return this.#journal(call, hold, fate, cost, charged)
    if (hold.state === 'spent') return { held: cost, charged: cost - hold.debt, end: 'captured' }
    switch (fate) {
      case 'keep':
        return { held: cost, charged: 0, end: 'kept' }
      case 'capture':
        return this.#finish(call, this.#capture(call, hold, amount), { held: cost, charged, end: 'captured' })
      case 'release':
        return this.#finish(call, () => this.#release(call), { held: cost, charged: 0, end: 'released' })
    }
  }

  wait(call: ToolCall, hold: CallHold, cost: Credits, waitMs: number): MaybePromise<Charge> {
    // The store knows nothing of it that could be kept: what comes later is another call.
    if (hold.state === 'journaled') return this.#journal(call, hold, 'keep', cost, cost)
    const { id: holdId } = call
    void this.#extendSurely({ id: `${holdId}.w${call.round}`, holdId, ttlMs: waitMs, lines: hold.lines })
    return { held: cost, charged: 0, end: 'kept' }
  }

  keep(call: ToolCall, hold: CallHold, cost: Credits, { ttlMs, onExpire }: TaskTerms): MaybePromise<Charge> {
    if (hold.state !== 'held') return this.end(call, hold, 'keep', cost, cost)
    // Of its own: a task may be cancelled in the millisecond in which it was made.
    const id = mintChargeId(this.#settings.clock.now())
    const kept: Charge = { held: cost, charged: 0, end: 'kept' }
    return andThen(this.#extendSurely({ id, holdId: call.id, ttlMs, onExpire }), () => kept)
  }

  extend(call: ToolCall, hold: CallHold, ttlMs: number): void {
    if (hold.state !== 'held') return
    const request = { id: `${call.id}.x${this.#settings.clock.now()}`, holdId: call.id, ttlMs }
    // What cannot be extended now is tried again at the next sweep, before its time is up.
    void reach(() => this.#enforcer.extend(request), this.#reach)
  }

  #placed(
    call: ToolCall,
    cost: Credits,
    lines: readonly HoldLine[],
    answer: HoldResult | Unreached,
  ): CallHold | Refusal {
    if (isUnreached(answer)) {
      const decided = this.#outage.unreached(call, cost, lines, answer)
      if ('error' in decided && !answer.misuse) this.#giveBack(call, answer.cause)
      return decided
    }
    this.#outage.reached()
    if (answer?.kind === 'held') {
      return { state: this.#paid ? 'spent' : 'held', lines, remaining: answer.remaining, debt: answer.debt }
    }
    if (answer?.kind === 'refused') return refusalOfStore(call, cost, answer)
    const cause = 'the store answered neither `held` nor `refused`'
    this.#giveBack(call, cause)
    return unavailable(call, cost, lines, cause)
  }

  #resumed(
    call: ToolCall,
    cost: Credits,
    lines: readonly HoldLine[],
    answer: ExtendResult | Unreached,
  ): CallHold | Refusal {
    if (isUnreached(answer)) {
      const { mode, openLimit } = this.#settings
      const passes = !answer.misuse && (mode === 'soft' || openLimit > 0)
      // Nobody can say whether the round was used: where calls pass unseen, each pays for itself.
      return passes ? usedRound(call, cost, lines) : unavailable(call, cost, lines, answer.cause)
    }
    this.#outage.reached()
    if (answer?.kind === 'extended') {
      return { state: this.#paid ? 'spent' : 'held', lines, remaining: answer.remaining, debt: answer.debt ?? 0 }
    }
    const { reason } = answer ?? {}
    // A call that has ended since, or was another one, does not go on: what comes is a call of its own.
    if (reason === 'round_used' || reason === 'hold_ended' || reason === 'unknown_hold')
      return usedRound(call, cost, lines)
    return refusalOfStore(call, cost, { budget: lines[0]?.budget ?? '', remaining: 0, reason: reason ?? 'closed' })
  }

  // Again until the store has it: else a call that goes on in time would find its hold gone, and pay again, and the hold of
  // a task would end on the terms of a call, long before its task.
  #extendSurely(request: ExtendRequest): MaybePromise<void> {
    const post = (): MaybePromise<ExtendResult> => this.#enforcer.extend(request)
    return andThen(reach(post, this.#reach), (answer) => {
      if (isUnreached(answer) && !answer.misuse)
        this.#outage.outbox.add({ chargeId: request.holdId, post: () => refusedBy(post()) }, answer.cause)
    })
  }

  // The store may have placed a hold that it did not tell of: it is given back, or barred if it comes yet.
  #giveBack(call: ToolCall, cause: unknown): void {
    this.#outage.outbox.add({ chargeId: call.id, post: () => refusedBy(this.#release(call)) }, cause)
  }

  #finish(call: ToolCall, post: () => MaybePromise<End>, charge: Charge): MaybePromise<Charge> {
    this.#refused.forget()
    const answer = reach(post, this.#reach)
    if (!isPromise(answer)) return this.#finished(call, post, charge, answer)
    const later = answer.then((given) => this.#finished(call, post, charge, given))
    return this.#settings.awaitCapture ? later : charge
  }

  #finished(call: ToolCall, post: () => MaybePromise<End>, charge: Charge, answer: End | Unreached): Charge {
    if (isUnreached(answer) && !answer.misuse) {
      this.#outage.outbox.add({ chargeId: call.id, post: () => refusedBy(post()) }, answer.cause)
      return { ...charge, end: 'pending' }
    }
    if (isUnreached(answer) || answer?.kind === 'refused') {
      const cause = isUnreached(answer) ? answer.cause : answer.reason
      this.#settings.events.emit('delayed', { chargeId: call.id, attempt: 1, givenUp: true, cause })
      return charge
    }
    // Less than was asked, when no balance could take what is beyond the hold.
    const less = answer?.kind === 'captured' && charge.charged > charge.held && answer.charged < charge.charged
    return less ? { ...charge, charged: charge.held } : charge
  }

  #journal(call: ToolCall, hold: CallHold, fate: HoldFate, cost: Credits, charged: Credits): Charge {
    const capture = fate === 'capture' || (fate === 'keep' && this.#settings.onExpire === 'capture')
    const amount = fate === 'keep' || this.#paid ? cost : charged
    // What passed was real, so it is charged whatever the budget has left: the rest becomes debt.
    const post = capture ? this.#capture(call, hold, amount, 'debt') : () => this.#release(call)
    const settled = (): void => this.#outage.settled(cost)
    this.#outage.outbox.add(
      { chargeId: call.id, post: () => refusedBy(post()), settled },
      'the call began in an outage',
    )
    return { held: cost, charged: capture ? amount : 0, end: 'pending' }
  }

  /** Captures: again when it is called again, and without what is beyond the hold when no balance can take that. */
  #capture(call: ToolCall, hold: CallHold, amount: Credits, overage = this.#settings.overage): () => MaybePromise<End> {
    const { lines } = hold
    const meta = { tool: call.tool, server: call.server }
    let request: CaptureRequest = { id: `${call.id}.c`, holdId: call.id, amount, overage, lines, meta }
    const post = (): MaybePromise<End> =>
      andThen(this.#enforcer.capture(request), (answer) => {
        const overflows = answer?.kind === 'refused' && answer.reason === 'overflow'
        const lateId = (call as Tracked).operation?.task?.fate?.lateId
        if (answer?.kind === 'refused' && answer.reason === 'unknown_hold' && lateId && request.holdId !== lateId) {
          // Given back so long ago that the store has forgotten it: a charge of its own.
          request = { ...request, id: `${lateId}.c`, holdId: lateId }
          return post()
        }
        if (!overflows || request.overage === 'cap') return answer
        request = { ...request, id: `${call.id}.cap`, overage: 'cap' }
        return post()
      })
    return post
  }

  #release(call: ToolCall): MaybePromise<ReleaseResult> {
    return this.#enforcer.release({ id: `${call.id}.r`, holdId: call.id })
  }
}

// No answer at all is none that was given: it throws here, and is asked for again.
function refusedBy(answer: MaybePromise<End>): MaybePromise<string | undefined> {
  return andThen(answer, (end) => (end.kind === 'refused' ? end.reason : undefined))
}

function usedRound(call: ToolCall, cost: Credits, lines: readonly HoldLine[]): Refusal {
  return refusalOfStore(call, cost, { budget: lines[0]?.budget ?? '', remaining: 0, reason: 'round_used' })
}

function noTokens(): BudgetError {
  return new BudgetError({
    code: 'not_supported',
    message: 'Expected a store that judges tokens for a call that is made by one, got one without `revoke`',
  })
}
