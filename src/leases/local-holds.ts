import { budgetId } from '../budget/budget-id.js'
import type { ChargeId } from '../core/ids.js'
import type { Credits } from '../core/credits.js'
import type { CaptureRequest, CaptureResult, HoldRequest, ReleaseRequest, ReleaseResult } from '../budget/enforcer.js'
import type { OnExpire } from '../budget/hold.js'
import type { Slice } from './slice.js'
import type { Wallet } from './wallet.js'

/** A hold that a process has placed in a lease of its own; after its end the memory of it. */
export class LocalHold {
  isOpen = true
  onExpire: OnExpire
  /** The request that ended it, and what that was answered; none where its time was up. */
  ended: CaptureRequest | ReleaseRequest | undefined = undefined
  answer: CaptureResult | ReleaseResult | undefined = undefined
  /** Settles when the store has it, or would not take it. */
  moving: PromiseLike<unknown> | undefined = undefined
  /** What the store is waiting for before it is asked again. */
  givingBack: Promise<boolean> | undefined = undefined
  /** Whoever asked for it does not want it any more. */
  isGivenUp = false
  /** The store was told to give it back, so it stays here. */
  isBarred = false
  /** As in {@link consumeRound}. */
  rounds: Map<number, string> | undefined = undefined
  /** The store has it, or was asked for it, under this id. */
  storeId: ChargeId | undefined = undefined

  constructor(
    readonly request: HoldRequest,
    readonly wallet: Wallet,
    readonly slice: Slice,
    readonly amount: Credits,
    public deadline: number,
  ) {
    this.onExpire = request.onExpire
  }

  /** Whether only this process knows under which id the store has it. */
  isRenamed(now: number): boolean {
    return this.storeId !== undefined && this.storeId !== this.request.id && this.deadline > now
  }

  /** Whether it puts aside what these lines ask for, where any are given. */
  isAskedFor(lines: HoldRequest['lines'] | undefined): boolean {
    const [line] = lines ?? this.request.lines
    const [own] = this.request.lines
    const isOne = lines === undefined || (lines.length === 1 && (line?.unit ?? 'credits') === 'credits')
    return isOne && line?.amount === own?.amount && budgetId(line?.budget ?? '') === budgetId(own?.budget ?? '')
  }

  /** Remembers how it ended. */
  end<Answer extends CaptureResult | ReleaseResult>(request: CaptureRequest | ReleaseRequest, answer: Answer): Answer {
    this.isOpen = false
    this.ended = request
    this.answer = answer
    return answer
  }
}

/** A generation ends with so many holds, or after so long. */
const GENERATION = { ms: 600_000, holds: 100_000 } as const

/**
 * What a process remembers by an id: open holds as long as they are, others for ten minutes or the last 100,000, and
 * never more than 200,000 of those.
 */
export class LocalHolds {
  #young = new Map<ChargeId, LocalHold>()
  #old = new Map<ChargeId, LocalHold>()
  #began = -Infinity

  find(id: ChargeId): LocalHold | undefined {
    return this.#young.get(id) ?? this.#old.get(id)
  }

  add(id: ChargeId, hold: LocalHold, now: number): void {
    if (this.#young.size >= GENERATION.holds || now - this.#began >= GENERATION.ms) this.#turn(now)
    this.#young.set(id, hold)
  }

  /** The open holds whose time is up. */
  due(now: number): LocalHold[] {
    const all = [...this.#old.values(), ...this.#young.values()]
    return all.filter(({ isOpen, deadline }) => isOpen && deadline <= now)
  }

  #turn(now: number): void {
    const old = this.#old
    this.#old = this.#young
    this.#young = new Map()
    this.#began = now
    for (const [id, hold] of old) if (hold.isOpen || hold.isRenamed(now)) this.#young.set(id, hold)
  }
}
